"""Data from the user's own code: every form that a batch may have, and what is refused."""

from __future__ import annotations

import pytest

from converters.signature import Signature, TensorSpec
from tests.validation.feeding import TWO, read, refusal
from validation.feeds import FeedSpec


@pytest.fixture
def code(tmp_path):
    """Writes a module and gives the spec that calls its `data`."""

    def write(body: str, **facts) -> FeedSpec:
        name = f"feeding_{abs(hash(body)) % 10**9}"
        (tmp_path / f"{name}.py").write_text(f"import numpy as np\n{body}\n")
        return FeedSpec(callable=f"{name}:data", code_directories=(tmp_path,), **facts)

    return write


BATCHES = {
    "array": "np.ones((2, 3), 'f4')",
    "tuple": "(np.ones((2, 3), 'f4'),)",
    "labelled": "(np.ones((2, 3), 'f4'), [0, 1])",
    "weighted": "(np.ones((2, 3), 'f4'), [0, 1], [1., 1.])",
    "dict": "{'x': np.ones((2, 3), 'f4')}",
    "labelled-dict": "({'x': np.ones((2, 3), 'f4')}, [0, 1])",
    "list-of-rows": "([[1., 2., 3.], [4., 5., 6.]], 0)",
}


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES.keys())
def test_callable_for_one_input(code, batch):
    (feed,) = read(code(f"def data():\n    yield {batch}"))
    assert feed.tensors["x"].shape == (2, 3)


PAIRS = {
    "two-arrays": "(X, I)",
    "nested": "((X, I),)",
    "labelled": "((X, I), 0)",
    "dict": "{'ids': I, 'x': X}",
    "labelled-dict": "({'ids': I, 'x': X}, 0)",
    "list": "[X, I]",
}


@pytest.mark.parametrize("batch", PAIRS.values(), ids=PAIRS.keys())
def test_callable_for_two_inputs(code, batch):
    body = f"X, I = np.ones((2, 3), 'f4'), np.ones((2, 4), 'i4')\ndef data():\n    return [{batch}]"
    (feed,) = read(code(body), TWO)
    assert [array.shape for array in feed.tensors.values()] == [(2, 3), (2, 4)]


def test_callable_batches_are_cut_and_joined(code):
    spec = code("def data():\n    for n in (1, 5, 2): yield np.ones((n, 3), 'f4')", batch=3)
    assert [len(feed.tensors["x"]) for feed in read(spec)] == [3, 3, 2]


def test_endless_generator_is_read_no_further_than_needed(code):
    spec = code("def data():\n    while True: yield np.ones((2, 3), 'f4')", samples=5, batch=4)
    assert [len(feed.tensors["x"]) for feed in read(spec)] == [4, 1]


def test_dynamic_sizes_start_a_new_batch(code):
    signature = Signature((TensorSpec("x", (None, None), "float32"),), ())
    spec = code("def data():\n    for t in (3, 3, 4, 3): yield np.ones((2, t), 'f4')", batch=8)
    assert [feed.tensors["x"].shape for feed in read(spec, signature)] == [(4, 3), (2, 4), (2, 3)]


CODE_FAULTS = {
    "raises": (
        "def data():\n    yield np.ones((2, 3), 'f4')\n    raise ValueError('disk gone')",
        "data can't be made\n  got:  ValueError: disk gone (",
    ),
    "raises-at-once": (
        "def data():\n    raise OSError('no disk')",
        "data can't be made\n  got:  OSError: no disk (",
    ),
    "not-callable": ("data = 3", "does not give data\n  got:  a int\n  want: a function without arguments\n"),
    "not-iterable": (
        "def data():\n    return 3",
        "does not give data\n  got:  a int\n  want: an iterable of batches\n",
    ),
    "one-array": (
        "def data():\n    return np.ones((2, 3))",
        "does not give data\n  got:  a ndarray\n  want: an iterable of batches\n",
    ),
    "unbatched": ("def data():\n    yield np.ones(3, 'f4')", "input x has the wrong shape\n  got:  [3]\n"),
    "ragged": (
        "def data():\n    yield {'x': [[1., 2., 3.], [1.]]}",
        "input x is not an array\n  got:  list (setting an array element",
    ),
    "nothing": ("def data():\n    return []", "there are no samples\n"),
    "none": ("def data():\n    yield None", "input x has the wrong dtype\n  got:  object (NoneType)\n"),
}


@pytest.mark.parametrize(("body", "message"), CODE_FAULTS.values(), ids=CODE_FAULTS.keys())
def test_callable_fault(code, body, message):
    assert message in refusal(code(body))


def test_too_few_arrays_for_the_inputs(code):
    message = refusal(code("def data():\n    yield (np.ones((2, 3), 'f4'),)"), TWO)
    assert "does not give data\n  got:  batches of 1 array(s)\n  want: 2 inputs: x, ids\n" in message


def test_tf_data_with_labels_and_without_end(code):
    body = (
        "def data():\n"
        "    import tensorflow as tf\n"
        "    d = tf.data.Dataset.from_tensor_slices((np.ones((5, 3), 'f4'), np.zeros(5)))\n"
        "    return d.batch(2)"
    )
    assert [len(feed.tensors["x"]) for feed in read(code(body, batch=4))] == [4, 1]
    endless = body + ".repeat()"
    assert [len(feed.tensors["x"]) for feed in read(code(endless, samples=3))] == [3]
    assert "the dataset has no end\n  got:  a tf.data.Dataset with infinite cardinality" in refusal(
        code(endless)
    )
