"""Which Vulkan device WebGPU gets outside of browsers."""

from __future__ import annotations

from pathlib import Path

import pytest

from validation.runtimes import vulkan


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Without a GPU, without SwiftShader, and where nobody chose a driver."""
    for name in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(vulkan, "has_gpu", lambda: False)
    monkeypatch.setattr(vulkan, "_SWIFTSHADER", tmp_path / "swiftshader.json")
    return monkeypatch


def test_without_a_driver_the_command_that_installs_one_is_told(machine: pytest.MonkeyPatch) -> None:
    assert vulkan.variables() == {}
    assert vulkan.missing_driver() == (
        "run `make browsers` or `apt-get install chromium libvulkan1`, whose SwiftShader stands in for a GPU"
    )


def test_software_stands_in_where_there_is_no_gpu(machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "swiftshader.json").touch()
    assert vulkan.variables() == {"VK_ICD_FILENAMES": str(tmp_path / "swiftshader.json")}
    assert vulkan.missing_driver() is None


def test_a_gpu_is_not_passed_over_for_software(machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "swiftshader.json").touch()
    machine.setattr(vulkan, "has_gpu", lambda: True)
    assert vulkan.variables() == {"VK_LOADER_DRIVERS_DISABLE": "*lvp*,*swiftshader*"}
    assert vulkan.missing_driver() is None


@pytest.mark.parametrize("name", ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"])
def test_what_the_user_chose_is_left_alone(machine: pytest.MonkeyPatch, name: str, tmp_path: Path) -> None:
    (tmp_path / "swiftshader.json").touch()
    machine.setenv(name, "/some/driver.json")
    assert vulkan.variables() == {}
    assert vulkan.missing_driver() is None
