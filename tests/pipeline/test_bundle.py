"""A bundle holds what passed, whole or not at all, and shows every later change."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from converters.errors import EdgeproofError, ExitStatus
from converters.target import ExportTarget
from pipeline.bundle import Bundle, pack, sealed
from pipeline.steps import FailedTarget
from pipeline.verify import verify
from tests.pipeline import makers

FLOAT = ExportTarget("tflite", "float32")
INT8 = ExportTarget("tflite", "int8")


class Scene:
    """A work directory with two exports, and verdicts to choose."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.float = makers.artifact(root / "artifacts", FLOAT)
        self.int8 = makers.artifact(root / "artifacts", INT8)

    def pack(self, int8: str = "pass", allow: tuple[ExportTarget, ...] = (), to: str = "bundles") -> Bundle:
        result = makers.validation(
            makers.verdict(self.float, "litert-cpu"),
            makers.verdict(self.float, "litert-gpu", "unavailable"),
            makers.verdict(self.int8, "litert-cpu", int8),
        )
        work = makers.work_directory(self.root / "work", result)
        state = makers.state(work, self.float, self.int8, allow=allow)
        return pack(state, result, self.root / to)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def files(directory: Path) -> dict[str, bytes]:
    found = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in found}


def test_a_bundle_holds_the_exports_the_report_and_the_manifest(scene, tmp_path):
    bundle = scene.pack()
    assert bundle.directory == tmp_path / "bundles" / "net" / "1.0"
    assert sorted(files(bundle.directory)) == [
        "manifest.json",
        "report.html",
        "report.md",
        "result.json",
        "tflite-float32/model.bin",
        "tflite-float32/parts/shard.bin",
        "tflite-int8/model.bin",
        "tflite-int8/parts/shard.bin",
    ]
    assert verify(bundle.directory) == 8


def test_the_manifest_says_what_was_proven_and_how(scene):
    manifest = json.loads((scene.pack().directory / "manifest.json").read_text())
    assert (manifest["name"], manifest["version"], manifest["left_out"]) == ("net", "1.0", {})
    assert manifest["source"]["sha256"] == "5" * 64
    assert manifest["recipe"] == "[model]\n"
    export = manifest["exports"][0]
    assert (export["target"], export["folder"], export["entry"]) == (
        "tflite:float32",
        "tflite-float32",
        "model.bin",
    )
    assert export["quantization"] == {"x": {"scale": 0.5, "zero_point": 3, "dtype": "int8"}}
    assert export["files"][0]["sha256"] == scene.float.files[0].sha256
    assert [row["verdict"] for row in export["verdicts"]] == ["pass", "unavailable"]
    assert export["verdicts"][0]["outputs"][0]["tolerance"] == {
        "measure": "max_rel_range",
        "limit": 1e-05,
        "reason": "ten times the noise",
    }
    assert (export["passed"], export["allowed_to_fail"]) == (True, False)


def test_a_bundle_is_identical_when_built_twice(scene):
    assert files(scene.pack(to="a").directory) == files(scene.pack(to="b").directory)


@pytest.mark.parametrize("outcome", ["fail", "error", "unavailable"])
def test_an_export_that_did_not_pass_stays_out(scene, outcome):
    bundle = scene.pack(int8=outcome)
    assert bundle.packed == (scene.float,)
    assert bundle.left_out == {"tflite:int8": f"{outcome} on litert-cpu: it is {outcome}"}
    assert not (bundle.directory / "tflite-int8").exists()
    assert json.loads((bundle.directory / "manifest.json").read_text())["left_out"] == bundle.left_out


def test_an_export_that_may_fail_ships_and_the_manifest_says_so(scene):
    bundle = scene.pack(int8="fail", allow=(INT8,))
    export = json.loads((bundle.directory / "manifest.json").read_text())["exports"][1]
    assert (export["target"], export["passed"], export["allowed_to_fail"]) == ("tflite:int8", False, True)


def test_nothing_to_package_is_an_error_and_leaves_the_earlier_bundle(tmp_path):
    scene = Scene(tmp_path)
    before = files(scene.pack().directory)
    result = makers.validation(makers.verdict(scene.int8, "litert-cpu", "fail"))
    work = makers.work_directory(tmp_path / "work", result)
    state = replace(
        makers.state(work, scene.int8),
        failures=(FailedTarget(FLOAT, "the converter failed", "a crash", "a file", "see the log"),),
    )
    with pytest.raises(EdgeproofError) as raised:
        pack(state, result, tmp_path / "bundles")
    assert str(raised.value) == (
        "net 1.0: there is nothing to package\n"
        "  got:  tflite:float32: the converter failed\n"
        "        tflite:int8: fail on litert-cpu: it is fail\n"
        "  want: at least one export that passed on the runtimes that are here\n"
        "  fix:  see the report, or name targets that may fail in [package] allow_failing"
    )
    assert raised.value.status is ExitStatus.VERDICT_FAILED
    assert files(tmp_path / "bundles" / "net" / "1.0") == before


def test_files_that_changed_after_they_were_validated_do_not_ship(scene, tmp_path):
    before = files(scene.pack().directory)
    (scene.float.directory / "model.bin").write_text("other weights")
    with pytest.raises(EdgeproofError, match="files are not the ones that were recorded") as raised:
        scene.pack()
    assert raised.value.got == "model.bin has other bytes"
    assert files(tmp_path / "bundles" / "net" / "1.0") == before
    assert [entry.name for entry in (tmp_path / "bundles" / "net").iterdir()] == ["1.0"]


def flip(bundle: Path) -> None:
    path = bundle / "tflite-int8" / "model.bin"
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)


def tamper(bundle: Path) -> None:
    path = bundle / "manifest.json"
    path.write_text(path.read_text().replace('"it is pass"', '"it is fine"'))


def link(bundle: Path) -> None:
    path = bundle / "report.md"
    moved = path.rename(bundle.parent / "elsewhere.md")
    path.symlink_to(moved)


HARM: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "flipped-byte": (flip, ["tflite-int8/model.bin has other bytes"]),
    "missing-file": (lambda b: (b / "report.md").unlink(), ["report.md is missing"]),
    "extra-file": (lambda b: (b / "notes.txt").touch(), ["notes.txt is not in manifest.json"]),
    "renamed-file": (
        lambda b: (b / "report.md").rename(b / "readme.md"),
        ["report.md was renamed to readme.md"],
    ),
    "renamed-folder": (
        lambda b: (b / "tflite-int8").rename(b / "int8"),
        [
            "tflite-int8/model.bin was renamed to int8/model.bin",
            "tflite-int8/parts/shard.bin was renamed to int8/parts/shard.bin",
        ],
    ),
    "tampered-manifest": (tamper, ["manifest.json was changed"]),
    "symbolic-link": (link, ["report.md has other bytes"]),
    "several-at-once": (
        lambda b: (flip(b), (b / "notes.txt").touch(), tamper(b)),
        [
            "manifest.json was changed",
            "tflite-int8/model.bin has other bytes",
            "notes.txt is not in manifest.json",
        ],
    ),
}


@pytest.mark.parametrize("harm", HARM)
def test_every_later_change_is_named(scene, harm):
    bundle = scene.pack().directory
    do, faults = HARM[harm]
    do(bundle)
    with pytest.raises(EdgeproofError) as raised:
        verify(bundle)
    assert raised.value.what == f"{bundle}: not the bundle that was packaged"
    assert raised.value.got.splitlines() == faults
    assert raised.value.want == "the 7 files of manifest.json, unchanged, and no others"
    assert raised.value.fix == "do not ship it; take the original, or package again"
    assert raised.value.status is ExitStatus.VERDICT_FAILED


def test_a_copied_bundle_is_still_one(scene, tmp_path):
    copied = shutil.copytree(scene.pack().directory, tmp_path / "copied")
    assert verify(Path(copied)) == 8


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (None, "no manifest.json"),
        ("{", "manifest.json cannot be understood: Expecting property name"),
        ("[]", "manifest.json cannot be understood: schema is not 1"),
        ('{"schema": 1}', "manifest.json cannot be understood: 'report'"),
    ],
)
def test_what_is_no_bundle_is_refused(tmp_path, content, got):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(EdgeproofError) as raised:
        verify(tmp_path)
    assert raised.value.what == f"{tmp_path}: not a bundle"
    assert raised.value.got.startswith(got)
    assert raised.value.status is (ExitStatus.USAGE if content is None else ExitStatus.VERDICT_FAILED)


def test_the_seal_does_not_depend_on_the_order_of_keys():
    first = json.loads(sealed({"a": 1, "b": 2}))
    second = json.loads(sealed({"b": 2, "a": 1}))
    assert first["sha256"] == second["sha256"]
