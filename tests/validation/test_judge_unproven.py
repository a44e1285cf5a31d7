"""Verdicts that prove nothing, and say why."""

from __future__ import annotations

import numpy as np

from tests.validation.fakes import make_reference
from tests.validation.judging import batches, model


def test_a_dead_original_proves_nothing(tmp_path, verdict):
    def dead(feed):
        return {"y": np.full_like(feed["x"], 0.25)}

    found = verdict(dead, reference=make_reference(tmp_path / "dead", dead, batches(4)))
    assert (found.verdict, found.outputs[0].passed, found.outputs[0].proven) == ("fail", False, False)
    assert found.reason == (
        "nothing was proven for y: the original's answer does not move with the inputs "
        "(by 0, within 0.25 to 0.25)"
    )


def test_one_sample_proves_nothing(tmp_path, verdict):
    found = verdict(reference=make_reference(tmp_path / "one", model, batches(1)))
    assert found.reason == (
        "nothing was proven for y: there is only one sample: give two or more that differ"
    )


def test_equal_samples_prove_nothing(tmp_path, verdict):
    feeds = [{"x": np.ones((3, 3), np.float32)}] * 2
    found = verdict(reference=make_reference(tmp_path / "equal", model, feeds))
    assert found.reason == "nothing was proven for y: all 6 samples are equal: give samples that differ"


def test_a_difference_is_a_difference_even_where_nothing_could_be_proven(tmp_path, verdict):
    def dead(feed):
        return {"y": np.full_like(feed["x"], 0.25)}

    found = verdict(reference=make_reference(tmp_path / "dead", dead, batches(4)))
    assert found.verdict == "fail"
    assert found.outputs[0].proven
    assert found.reason.startswith("y: noise_ratio ")


def test_a_saturated_softmax_proves_nothing(tmp_path, verdict):
    def saturated(feed):
        """0.001 for each class, but for a few bits: MobileNetV2 without weights."""
        return {"y": np.float32(0.001) + feed["x"] * np.float32(1e-10)}

    found = verdict(saturated, reference=make_reference(tmp_path / "flat", saturated, batches(4)))
    assert found.verdict == "fail"
    assert found.reason.startswith("nothing was proven for y: the original's answer does not move")
