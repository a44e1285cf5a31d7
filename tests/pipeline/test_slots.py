from __future__ import annotations

import os
import threading
import time

import pytest

from pipeline.slots import Slots, cores


def queue_up(slots, ranks, held_until):
    """Threads that wait for a slot, in this order; gives the order in which they got one."""
    got: list[int] = []

    def work(rank: int) -> None:
        with slots.one(rank):
            got.append(rank)
            held_until.wait(10)

    threads = []
    for rank in ranks:
        threads.append(threading.Thread(target=work, args=(rank,)))
        threads[-1].start()
        while len(slots._waiting) + len(got) < len(threads):
            time.sleep(0.001)
    return got, threads


def test_of_those_who_wait_the_lowest_rank_is_next_and_then_the_first():
    slots, done = Slots(1), threading.Event()
    with slots.one(0):
        got, threads = queue_up(slots, [5, 1, 3, 1], done)
        done.set()
        assert got == []
    for thread in threads:
        thread.join(10)
    assert got == [1, 1, 3, 5]


def test_only_so_many_work_at_once_and_more_when_slots_are_added():
    slots, done = Slots(1), threading.Event()
    got, threads = queue_up(slots, [0, 1, 2], done)
    assert got == [0]
    slots.add(1)
    deadline = time.monotonic() + 10
    while len(got) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert got == [0, 1]
    done.set()
    for thread in threads:
        thread.join(10)
    assert got == [0, 1, 2]


def test_nobody_sleeps_beside_slots_that_were_added_together():
    """Whoever looks before the one ahead has taken a slot must be told that it has."""
    for _ in range(200):
        slots, done, both = Slots(0), threading.Event(), []

        def work(rank: int, slots: Slots = slots, both: list[int] = both, done=done) -> None:
            with slots.one(rank):
                both.append(rank)
                done.wait(10)

        threads = [threading.Thread(target=work, args=(rank,)) for rank in (1, 0)]
        for thread in threads:
            thread.start()
        while len(slots._waiting) < 2:
            time.sleep(0)
        slots.add(2)
        deadline = time.monotonic() + 5
        while len(both) < 2 and time.monotonic() < deadline:
            time.sleep(0.0005)
        at_once = sorted(both)
        done.set()
        for thread in threads:
            thread.join(10)
        assert at_once == [0, 1]


def test_a_slot_is_given_back_by_a_worker_that_fails():
    slots = Slots(1)
    with pytest.raises(ValueError, match="broken"), slots.one(0):
        raise ValueError("broken")
    with slots.one(0):
        pass


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no processor affinity here")
def test_cores_are_those_that_this_process_may_use():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert cores() == len(before)
