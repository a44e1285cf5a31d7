"""What an installed edgeproof carries: the JavaScript programs ready bundled, and its data files."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
JS = "validation/runtimes/js"
pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    uv = shutil.which("uv") or ROOT / ".tools/bin/uv"  # where `make setup` puts it
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [uv, "build", "--wheel", "--out-dir", str(out), str(ROOT)], check=True, capture_output=True
    )
    return next(out.glob("*.whl"))


def test_the_wheel_has_programs_and_data_and_no_sources_of_the_programs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    programs = ("node.cjs", "page.html", "page.js", "realm.html", "realm.js", "tfjs-backend-wasm-simd.wasm")
    engines = ("ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.asyncify.wasm")
    engines += ("litert_wasm_threaded_internal.wasm",)
    data = [f"{JS}/dist/{name}" for name in (*programs, *engines)] + ["validation/result.schema.json"]
    assert [name for name in data if name not in names] == []
    assert any(name.startswith("validation/report/") and not name.endswith(".py") for name in names)
    assert [name for name in names if name.startswith(JS) and "/dist/" not in name] == []
    assert [name for name in names if "node_modules" in name or name.startswith("tests/")] == []


def test_an_unpacked_wheel_runs_tfjs_by_itself(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import validation; from validation.runtimes import probe\n"
        f"assert validation.__file__.startswith({str(tmp_path)!r})\n"
        "sys.exit(probe('tfjs-node-wasm').hint or None)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)


def test_the_programs_are_identical_when_built_twice(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        subprocess.run(["node", "build.mjs", str(folder)], cwd=ROOT / JS, check=True)
    first, second = ({f.name: f.read_bytes() for f in folder.iterdir()} for folder in folders)
    assert first == second
    assert "node.cjs" in first
