"""Every kind of model, format and runtime.

A case either passes on every runtime of this machine, or is refused before conversion with the layer's
name and the op. The limits are the judge's own, from the reference's noise; none is set here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from converters.errors import EdgeproofError, ExitStatus
from converters.target import ExportTarget, all_targets
from tests.zoo import ZOO

FLOAT32 = [target for target in all_targets() if target.is_base]
OTHERS = [target for target in all_targets() if not target.is_base]
IN_EVERY_PRECISION = ("dense_wide", "conv2d_wide", "inputs_in_a_dict", "lstm")
"""Wide enough for the quantizers to act on, several inputs, and a recurrence."""


def _rows() -> Iterator[object]:
    for case in ZOO.values():
        targets = FLOAT32 + (OTHERS if case.id in IN_EVERY_PRECISION else [])
        for target in targets:
            marks = () if case.quick else pytest.mark.heavy
            yield pytest.param(case.id, target, id=f"{case.id}-{target}", marks=marks)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("battery")


def _directory(workshop: Path, case_id: str) -> Path:
    (workshop / case_id).mkdir(exist_ok=True)
    return workshop / case_id


@pytest.mark.parametrize(("case_id", "target"), _rows())
def test_passes_everywhere_or_is_refused_by_name(case_id: str, target: ExportTarget, workshop: Path) -> None:
    from tests.battery.stages import export, judge_everywhere, prepare

    directory = _directory(workshop, case_id)
    prepared = prepare(case_id, directory)
    refusal = ZOO[case_id].refusal(target)
    if refusal is not None:
        with pytest.raises(EdgeproofError) as caught:
            export(prepared, target, directory)
        assert caught.value.status == ExitStatus.CONVERSION_FAILED
        assert [f"layer {refusal[0]} ({refusal[1]})" in line for line in caught.value.got.splitlines()].count(
            True
        ) == 1
        assert not (directory / target.slug).exists(), "refused after it had begun"
        return
    artifact = export(prepared, target, directory)
    verdicts = judge_everywhere(prepared, artifact)
    assert verdicts, "no runtime here opens this format"
    others = {v.runtime: (v.verdict, v.reason) for v in verdicts if v.verdict != "pass"}
    assert "pass" in {v.verdict for v in verdicts}, others
    gaps = {name: gap for name, gap in ZOO[case_id].gaps.items() if name in {v.runtime for v in verdicts}}
    assert {name: verdict for name, (verdict, _) in others.items()} == {
        name: verdict for name, (verdict, _) in gaps.items()
    }, others
    for name, (_, words) in gaps.items():
        assert words in others[name][1]
