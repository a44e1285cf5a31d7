"""Whose fault it is, from what two runtimes say of the same file."""

from __future__ import annotations

import pytest

from tests.validation.results import verdict
from validation.judge import conclude

CPU, PLAIN = "onnxruntime-cpu", "onnxruntime-unoptimized"
LEAK = "state leaks between invocations"
UNPROVEN = "nothing was proven for y: it is dead"


def pair(first: tuple[str, str], second: tuple[str, str]):
    names = (CPU, PLAIN)
    told = zip(names, (first, second), strict=True)
    return conclude(tuple(verdict(name, verdict=kind, reason=reason) for name, (kind, reason) in told))


CASES = {
    "both-pass": (("pass", "a"), ("pass", "b"), ("", "a"), ("", "b")),
    "optimiser-wrong": (
        ("fail", "off by 1"),
        ("pass", "b"),
        ("runtime", f"off by 1; the same file passes on {PLAIN}: {CPU} is wrong"),
        ("", "b"),
    ),
    "reference-wrong": (
        ("pass", "a"),
        ("fail", LEAK),
        ("", "a"),
        ("runtime", f"{LEAK}; the same file passes on {CPU}: {PLAIN} is wrong"),
    ),
    "no-kernel": (
        ("pass", "a"),
        ("error", "no kernel"),
        ("", "a"),
        ("runtime", f"no kernel; the same file passes on {CPU}: {PLAIN} can't run it"),
    ),
    "file-wrong": (
        ("fail", "off by 1"),
        ("fail", "off by 2"),
        ("file", f"off by 1; it fails on {PLAIN} too: the file is wrong"),
        ("file", f"off by 2; it fails on {CPU} too: the file is wrong"),
    ),
    "file-broken": (
        ("error", "no graph"),
        ("error", "no graph"),
        ("file", f"no graph; {PLAIN} can't run it either"),
        ("file", f"no graph; {CPU} can't run it either"),
    ),
    "not-comparable": (("fail", "off by 1"), ("error", "no kernel"), ("", "off by 1"), ("", "no kernel")),
    "sibling-missing": (("fail", "off"), ("unavailable", "install it"), ("", "off"), ("", "install it")),
    "nothing-proven": (("fail", UNPROVEN), ("fail", UNPROVEN), ("", UNPROVEN), ("", UNPROVEN)),
}


@pytest.mark.parametrize(("first", "second", "want_first", "want_second"), CASES.values(), ids=CASES.keys())
def test_blame(first, second, want_first, want_second):
    found = pair(first, second)
    assert [(v.blame, v.reason) for v in found] == [want_first, want_second]
    assert [v.verdict for v in found] == [first[0], second[0]]


def test_only_the_same_file_is_evidence():
    first = verdict(CPU, verdict="fail", reason="off", artifact="a.onnx")
    second = verdict(PLAIN, artifact="b.onnx")
    assert conclude((first, second)) == (first, second)
    alone = verdict("some-gpu", verdict="fail", reason="off")
    assert conclude((alone,)) == (alone,)


def test_one_pass_among_many_runtimes_clears_the_file():
    told = conclude(
        (
            verdict("a", verdict="fail", reason="off"),
            verdict("b", verdict="fail", reason="off"),
            verdict("c", reason="fine"),
        )
    )
    assert [v.blame for v in told] == ["runtime", "runtime", ""]
    assert told[1].reason == "off; the same file passes on c: b is wrong"
