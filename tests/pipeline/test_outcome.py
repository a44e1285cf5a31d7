"""What the verdicts of a run come to."""

from __future__ import annotations

import pytest

from converters.errors import ExitStatus
from pipeline.outcome import CONVERSION, all_well, exit_status, in_order, missing_runtimes
from tests.pipeline.makers import verdict

PASS = verdict("a", "litert-cpu")
ABSENT = verdict("a", "litert-gpu", "unavailable")
FAIL = verdict("b", "litert-cpu", "fail", target="tflite:int8")
ERROR = verdict("b", "litert-cpu", "error", target="tflite:int8")
UNMADE = verdict("c", CONVERSION, "error", target="onnx:float16")
NO_GPU = verdict("model.keras", "keras-gpu", "unavailable", target="keras:float32")
GPU_FAILS = verdict("model.keras", "keras-gpu", "fail", target="keras:float32")
UNTRIED = verdict("d", "litert-gpu", "unavailable", target="tflite:float16")


@pytest.mark.parametrize(
    ("verdicts", "required", "allowed", "status"),
    [
        pytest.param([PASS], [], [], ExitStatus.OK, id="all-pass"),
        pytest.param([PASS, ABSENT], [], [], ExitStatus.OK, id="one-of-a-group-is-not-here"),
        pytest.param([PASS, FAIL], [], [], ExitStatus.VERDICT_FAILED, id="fail"),
        pytest.param([PASS, ERROR], [], [], ExitStatus.VERDICT_FAILED, id="error"),
        pytest.param([PASS, UNMADE], [], [], ExitStatus.CONVERSION_FAILED, id="not-made"),
        pytest.param([PASS, FAIL, UNMADE], [], [], ExitStatus.CONVERSION_FAILED, id="not-made-before-fail"),
        pytest.param([PASS, ABSENT], ["litert-gpu"], [], ExitStatus.UNAVAILABLE, id="required-not-here"),
        pytest.param([PASS], ["litert-gpu"], [], ExitStatus.UNAVAILABLE, id="required-had-nothing-to-run"),
        pytest.param([FAIL, ABSENT], ["litert-gpu"], [], ExitStatus.VERDICT_FAILED, id="fail-before-missing"),
        pytest.param([PASS, UNTRIED], [], [], ExitStatus.UNAVAILABLE, id="an-export-was-tried-nowhere"),
        pytest.param([PASS, FAIL], [], ["tflite:int8"], ExitStatus.OK, id="allowed-to-fail"),
        pytest.param([PASS, UNMADE], [], ["onnx:float16"], ExitStatus.OK, id="allowed-not-to-be-made"),
        pytest.param([PASS, FAIL], [], ["onnx:float16"], ExitStatus.VERDICT_FAILED, id="another-is-allowed"),
        pytest.param([PASS, NO_GPU], [], [], ExitStatus.OK, id="no-second-engine-for-the-original"),
        pytest.param(
            [PASS, NO_GPU], ["keras-gpu"], [], ExitStatus.UNAVAILABLE, id="required-for-the-original"
        ),
        pytest.param([PASS, GPU_FAILS], [], [], ExitStatus.VERDICT_FAILED, id="the-original-fails-there"),
        pytest.param([NO_GPU], [], [], ExitStatus.UNAVAILABLE, id="nothing-but-an-absent-original"),
        pytest.param([ERROR], ["litert-cpu"], [], ExitStatus.VERDICT_FAILED, id="required-and-broken"),
    ],
)
def test_exit_status(verdicts, required, allowed, status):
    assert exit_status(verdicts, required, allowed) is status


def test_ok_means_that_every_export_passed_somewhere_and_failed_nowhere():
    assert all_well([PASS, ABSENT])
    assert not all_well([])
    assert not all_well([ABSENT])
    assert not all_well([PASS, verdict("a", "litert-reference", "fail")])
    assert not all_well([PASS, UNTRIED])
    assert all_well([PASS, FAIL], {"tflite:int8"})


def test_missing_runtimes_are_named_in_the_order_asked_for():
    assert missing_runtimes([PASS, ABSENT], ["onnxruntime-cpu", "litert-gpu", "litert-cpu"]) == [
        "onnxruntime-cpu",
        "litert-gpu",
    ]


def test_verdicts_stand_in_the_order_of_targets_and_runtimes():
    first = verdict("a", "litert-cpu", target="tflite:float32")
    second = verdict("a", "litert-reference", target="tflite:float32")
    third = verdict("b", "tfjs-node-cpu", target="tfjs:float32")
    fourth = verdict("c", CONVERSION, "error", target="onnx:float32")
    assert in_order((fourth, third, second, first)) == (first, second, third, fourth)
