"""The page of the detection bench, and what others' checks say of a sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.detection import others, page
from bench.detection.alarms import Alarm
from bench.detection.log import Log, Rows
from bench.detection.trial import DETECTED, MISSED, SILENT, Result

ROOT = Path(__file__).parents[2]
WRONG = {"polygraphy": True, "keras": False, "onnx2tf": False}
RIGHT = dict.fromkeys(WRONG, False)


def result(outcome: str, **facts) -> Result:
    given = {
        "model": "cnn",
        "target": "onnx:float32",
        "kind": "bias-dropped",
        "where": "Conv: a bias dropped",
        "layers": ("stem",),
        "outcome": outcome,
        "verdict": "fail" if outcome == DETECTED else "pass",
        "reason": "why",
        "others": WRONG if outcome == DETECTED else RIGHT,
    }
    return Result(**{**given, **facts})


def test_the_page_counts_what_changes_something() -> None:
    rows = [
        result(DETECTED, found_by="natural", found_after=1, guilty=("stem",)),
        result(DETECTED, found_by="directed: halves", found_after=40, guilty=("head",)),
        result(MISSED, reason="2 of the noise floor at most, on 288 inputs"),
        result(SILENT, reason="bit-equal to the correct export on 704 inputs"),
    ]
    text = page.write(Rows(rows, [], {"abc1234": 4}))
    assert ", all on commit abc1234: " in text
    assert "| of these detected | 2 of 3 (66.7 %) | 100 % |" in text
    assert "| right layer named | 1 of 2 (50.0 %) | 95 % |" in text
    assert "| a bias dropped | 4 | 1 | 2/3 | 2/3 | 0/3 | 0/3 | natural 1, directed 1 | 1 (40) | 1/2 |" in text
    missed = "| cnn | onnx:float32 | bias-dropped | Conv: a bias dropped | 2 of the noise floor at most"
    assert missed in text
    assert "By what the directed and searched inputs try: halves (1)." in text
    assert "| cnn | onnx:float32 | bias-dropped | stem | head |" in text


def test_the_page_counts_false_alarms_and_time() -> None:
    alarms = [
        Alarm("lstm", "onnx:float32", seed, verdict, "why", WRONG, 3.0, 2.0, ratio, ratio / 4)
        for seed, (verdict, ratio) in enumerate((("pass", 2.0), ("fail", 9.0), ("pass", 1.0)))
    ]
    text = page.write(Rows([], alarms, {"abc1234": 2, "def5678": 1}))
    assert (
        ", in a run that was stopped and went on: 2 trials on commit abc1234, 1 trial on commit def5678: "
        in text
    )
    assert "1 network exported rightly, each with the weights and inputs of 3 seeds." in text
    assert "| false alarms | 1 of 3 (33.3 %) | none |" in text
    assert "| inference time over the plain check's | 1.50 in all, 1.50 in the median | at most 2 |" in text
    greatest = "2 noise floors; 0.5 of them in root mean square"
    assert f"| greatest error of a correct float32 export | {greatest} | 8 and 4 |" in text
    assert "| lstm | onnx:float32 | 3 | 2/3 | 9 | 3/3 | 0/3 | 0/3 |" in text
    assert "- lstm, onnx:float32, seed 1: fail: why" in text


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ({"cnn": 1}, "1 network exported rightly, each with the weights and inputs of 1 seed."),
        (
            {"cnn": 1, "lstm": 3},
            "2 networks exported rightly, each with the weights and inputs of 1 or 3 seeds.",
        ),
        ({}, "0 networks exported rightly, each with the weights and inputs of 0 seeds."),
    ],
)
def test_what_is_one_is_counted_in_the_singular(seeds: dict[str, int], words: str) -> None:
    alarms = [
        Alarm(net, "onnx:float32", seed, "pass", "why", RIGHT, 3.0, 2.0)
        for net, count in seeds.items()
        for seed in range(count)
    ]
    text = page.write(Rows([result(DETECTED)], alarms, {"abc1234": 1}))
    assert f" 1 kind of fault in 1 network and three formats; {words}\n" in text


def test_a_log_gives_its_rows_back_and_of_two_trials_the_last(tmp_path: Path) -> None:
    rows = [
        result(MISSED, reason="before"),
        Alarm("lstm", "onnx:float32", 0, "pass", "why", RIGHT, 3.0, 2.0),
        result(DETECTED, found_by="natural", found_after=1, guilty=("stem",)),
    ]
    for row, commit in zip(rows, ("abc1234", "abc1234", "def5678"), strict=True):
        Log(tmp_path / "log", commit).add(row)
    assert Log(tmp_path / "log", "").rows() == Rows([rows[2]], [rows[1]], {"abc1234": 1, "def5678": 1})
    assert Log(tmp_path / "log", "").rows().keys == {
        ("cnn", "onnx:float32", "bias-dropped"),
        ("lstm", "onnx:float32", 0),
    }


@pytest.mark.parametrize(
    ("actual", "found"),
    [
        pytest.param([1.0, 2.0], [], id="equal"),
        pytest.param([1.0, 2.00004], ["polygraphy"], id="beyond-1e-5"),
        pytest.param([1.0, 2.001], ["polygraphy", "keras"], id="beyond-1e-4"),
        pytest.param([1.0, 2.1], ["polygraphy", "keras", "onnx2tf"], id="beyond-5e-2"),
        pytest.param([[1.0, 2.0]], ["polygraphy", "keras", "onnx2tf"], id="another-shape"),
    ],
)
def test_others_have_fixed_tolerances(actual: list, found: list[str]) -> None:
    passed = others.passes({"y": np.array([1.0, 2.0])}, {"y": np.array(actual)})
    assert [name for name, ok in passed.items() if not ok] == found


@pytest.mark.heavy
def test_a_quick_run_finds_its_faults_and_goes_on_from_its_log(tmp_path: Path) -> None:
    import subprocess
    import sys

    output, log = tmp_path / "detection.md", tmp_path / "log"
    command = [sys.executable, "-m", "bench.bench_detection", "--quick", "--output", str(output)]

    def run() -> list[str]:
        done = subprocess.run(
            [*command, "--log", str(log)], capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        return log.read_text(encoding="utf-8").splitlines()

    first = run()
    assert len(first) == len(Log(log, "").rows().keys) == 15
    text = output.read_text(encoding="utf-8")
    assert "## Missed\n\nNone." in text
    assert "| false alarms | 0 of 3 (0.0 %) | none |" in text
    log.write_text("\n".join(first[:-2]) + "\n", encoding="utf-8")
    again = run()
    assert again[:-2] == first[:-2]
    assert len(again) == len(first)
