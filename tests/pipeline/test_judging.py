"""Judges: no verdict goes missing, whatever happens to the thread that should give it."""

from __future__ import annotations

import errno

from pipeline import judging


def test_a_judge_that_can_not_start_ends_the_run(project, monkeypatch):
    class NoRoom(judging.Worker):
        def __enter__(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(judging, "Worker", NoRoom)
    ended = project.call("run")
    assert (ended.status, ended.err) == (
        2,
        f"error: {project.directory}/build/net: the disk is full\n"
        "  got:  [Errno 28] No space left on device\n"
        "  want: room for what is written\n"
        "  fix:  free some space, or write to another disk\n"
        f"log: {project.directory}/build/net/edgeproof.log\n",
    )
    assert not (project.directory / "build/net/result.json").exists()
    assert project.leftovers() == []


def test_a_bug_in_a_judge_is_a_bug_of_the_run(project, monkeypatch):
    def stumble(self, *task):
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(judging.Judges, "hear", stumble)
    ended = project.call("run")
    assert ended.status == 70
    assert "ZeroDivisionError: unforeseen" in ended.err
