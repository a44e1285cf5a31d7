"""Labels: where they come from, what they may look like, and what is refused."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from validation.feeds import FeedSpec, open_feeds
from validation.labels import LabelRecorder, LabelSpec, read_classes

IMAGE = TensorSpec("image", (None, 2), "float32")
LOGITS = TensorSpec("logits", (None, 3), "float32")
SIGNATURE = Signature((IMAGE,), (LOGITS,))
TWO_HEADS = Signature((IMAGE,), (LOGITS, TensorSpec("gate", (None, 1), "float32")))

X = np.arange(10, dtype=np.float32).reshape(5, 2)
Y = np.array([0, 2, 1, 1, 0])


def recorded(spec: FeedSpec, signature: Signature, out: Path) -> dict[str, list[int]]:
    recorder = LabelRecorder(signature)
    for feed in open_feeds(spec, signature):
        assert set(feed.tensors) == {"image"}
        recorder.add(feed.labels)
    return {name: found.tolist() for name, found in read_classes(recorder.write(out / "labels.npz")).items()}


def archive(out: Path, **arrays: np.ndarray) -> Path:
    np.savez(out / "data.npz", **arrays)
    return out / "data.npz"


ARE_CLASSES = {
    "numbers": Y,
    "column": Y[:, None].astype(np.uint8),
    "floats": Y.astype(np.float32),
    "one-hot": np.eye(3)[Y],
}


@pytest.mark.parametrize("labels", ARE_CLASSES.values(), ids=ARE_CLASSES.keys())
def test_a_key_of_the_npz(labels, tmp_path):
    spec = FeedSpec(npz=archive(tmp_path, image=X, y=labels), labels=LabelSpec({"": "y"}), batch=2)
    assert recorded(spec, SIGNATURE, tmp_path) == {"logits": Y.tolist()}


def test_a_file_beside_the_data(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    spec = FeedSpec(npy=tmp_path / "x.npy", labels=LabelSpec({"logits": str(tmp_path / "y.npy")}), batch=3)
    assert recorded(spec, SIGNATURE, tmp_path) == {"logits": Y.tolist()}


def test_some_samples_take_some_labels(tmp_path):
    spec = FeedSpec(npz=archive(tmp_path, image=X, y=Y), labels=LabelSpec({"": "y"}), samples=3)
    assert recorded(spec, SIGNATURE, tmp_path) == {"logits": [0, 2, 1]}


def test_two_outputs_have_labels_by_name(tmp_path):
    data = archive(tmp_path, image=X, y=Y, on=Y > 0)
    spec = FeedSpec(npz=data, labels=LabelSpec({"logits": "y", "gate": "on"}))
    assert recorded(spec, TWO_HEADS, tmp_path) == {"logits": Y.tolist(), "gate": [0, 1, 1, 1, 0]}


def test_what_a_callable_yields_beside_the_inputs(tmp_path):
    module = "def pairs():\n    import numpy as np\n    x = np.ones((4, 2), np.float32)\n"
    module += "    return [(x[:3], np.array([2, 1, 0])), (x[3:], np.array([1]))]\n"
    (tmp_path / "labelled_pairs.py").write_text(module)
    spec = FeedSpec(callable="labelled_pairs:pairs", code_directories=(tmp_path,), batch=2)
    assert recorded(spec, SIGNATURE, tmp_path) == {}
    streamed = replace(spec, labels=LabelSpec(streamed=True))
    assert recorded(streamed, SIGNATURE, tmp_path) == {"logits": [2, 1, 0, 1]}


@pytest.mark.parametrize("batch", ["x", "(x,)", "{'image': x, 'other': x}", "(x, x)"])
def test_a_callable_that_yields_no_labels(batch, tmp_path):
    (tmp_path / "unlabelled.py").write_text(
        f"def batches():\n    import numpy as np\n    x = np.ones((4, 2), np.float32)\n    return [{batch}]\n"
    )
    sys.modules.pop("unlabelled", None)
    inputs = (
        (IMAGE, TensorSpec("other", (None, 2), "float32"))
        if "x, x" in batch or "other" in batch
        else (IMAGE,)
    )
    spec = FeedSpec(
        callable="unlabelled:batches", code_directories=(tmp_path,), labels=LabelSpec(streamed=True)
    )
    kind = "dict" if "{" in batch else "tuple" if "(" in batch else "ndarray"
    assert message(spec, Signature(inputs, (LOGITS,)), tmp_path) == (
        f"unlabelled:batches: does not give data\n  got:  a {kind} without labels\n"
        "  want: batches (inputs, labels)\n"
        "  fix:  return a tf.data.Dataset, a generator or a list of batches; see docs/recipe.md"
    )


def message(spec: FeedSpec, signature: Signature, out: Path) -> str:
    with pytest.raises(EdgeproofError) as caught:
        recorded(spec, signature, out)
    return str(caught.value)


def test_a_key_that_is_not_there(tmp_path):
    data = archive(tmp_path, image=X)
    assert message(FeedSpec(npz=data, labels=LabelSpec({"": "y"})), SIGNATURE, tmp_path) == (
        f"{data}: there are no labels\n  got:  no array y\n"
        "  want: one label for each sample, without pickled objects\n  fix:  correct the labels of [data]"
    )


@pytest.mark.parametrize(("count", "want"), [
    (4, "at least 5, one for each sample"), (6, "5, one for each sample")])  # fmt: skip
def test_as_many_labels_as_samples(count, want, tmp_path):
    data = archive(tmp_path, image=X, y=np.zeros(count, int))
    assert message(FeedSpec(npz=data, labels=LabelSpec({"": "y"})), SIGNATURE, tmp_path) == (
        f"labels of logits: not as many as samples\n  got:  {count} labels\n  want: {want}\n"
        "  fix:  give labels that belong to the data, in the same order"
    )


def test_several_outputs_need_names(tmp_path):
    data = archive(tmp_path, image=X, y=Y)
    assert message(FeedSpec(npz=data, labels=LabelSpec({"": "y"})), TWO_HEADS, tmp_path) == (
        "labels: it isn't clear which output they belong to\n  got:  one array for several outputs\n"
        '  want: labels by output name, of logits, gate\n  fix:  write labels = { logits = "…" }'
    )


def test_an_output_that_does_not_exist(tmp_path):
    data = archive(tmp_path, image=X, y=Y)
    assert message(FeedSpec(npz=data, labels=LabelSpec({"head": "y"})), TWO_HEADS, tmp_path) == (
        "labels: the model has no output head\n  got:  head\n"
        '  want: labels by output name, of logits, gate\n  fix:  write labels = { logits = "…" }'
    )


@pytest.mark.parametrize(("labels", "got", "want"), [
    (np.array([0, 1, 3, 0, 0]), "0 to 3", "classes from 0 to 2"),
    (np.array([0, -1, 2, 0, 0]), "-1 to 2", "classes from 0 to 2"),
    (np.eye(4)[Y], "float64 [5, 4]", "one class a sample, or one-hot vectors as long as the output"),
    (Y + 0.5, "float64 [5]", "one class a sample, or one-hot vectors as long as the output"),
])  # fmt: skip
def test_labels_that_name_no_class(labels, got, want, tmp_path):
    data = archive(tmp_path, image=X, y=labels)
    assert message(FeedSpec(npz=data, labels=LabelSpec({"": "y"})), SIGNATURE, tmp_path) == (
        f"labels of logits don't fit the output {LOGITS}\n  got:  {got}\n  want: {want}\n"
        "  fix:  correct the labels of [data], or leave them out"
    )
