"""Exports that somebody else made: which tensor is which, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from converters.artifact import Artifact
from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from tests.validation.hand_made import Line, Port, write
from validation.expected import OutputReference, Reference
from validation.foreign import adopt
from validation.runtimes import select
from validation.tensor_files import write_tensors

FORMATS = pytest.mark.parametrize("format", ["tflite", "onnx", "tfjs"])
ROWS = Port((None, 3))
SAMPLES = 6


def spec(name: str, shape: tuple[int | None, ...] = (None, 3), dtype: str = "float32") -> TensorSpec:
    return TensorSpec(name, shape, dtype)


def signature(inputs: str, outputs: str) -> Signature:
    return Signature(tuple(map(spec, inputs.split())), tuple(map(spec, outputs.split())))


def reference(of: Signature, folder: Path, lines: dict[str, Line], *, seeds: int = 9) -> Reference:
    """What the original with these lines from inputs to outputs gives for random inputs.

    Args:
        seeds: inputs whose number is equal modulo this get the same values.
    """
    folder.mkdir()
    feed = {
        s.name: np.random.default_rng(i % seeds).normal(size=(SAMPLES, 3)).astype(np.float32)
        for i, s in enumerate(of.inputs)
    }
    answers = {name: feed[line.source] * np.float32(line.factor or 1) for name, line in lines.items()}
    write_tensors(folder / "feed-00000.npz", feed)
    write_tensors(folder / "expected-00000.npz", {s.name: answers[s.name] for s in of.outputs})
    return Reference(
        directory=folder,
        source_sha256="",
        signature=of,
        feeds=(folder / "feed-00000.npz",),
        expected=(folder / "expected-00000.npz",),
        samples=SAMPLES,
        origin="data",
        data="random",
        outputs=tuple(OutputReference(s) for s in of.outputs),
    )


def refusal(path: Path, of: Signature, known: Reference | None = None) -> str:
    with pytest.raises(EdgeproofError) as caught:
        adopt(path=path, signature=of, reference=known)
    return str(caught.value)


def runs_as(artifact: Artifact, known: Reference) -> bool:
    """Whether the adopted file gives what the original gives, under the original's names."""
    batch = next(known.batches())
    with select(("cpu",), artifact.target.format)[0].open(artifact) as session:
        results = session.run(dict(batch.inputs))
    return all(np.allclose(results[name], array) for name, array in batch.expected.items())


@FORMATS
def test_equal_names_settle_it_whatever_the_order(format: str, tmp_path: Path) -> None:
    made = write(format, tmp_path, {"b": ROWS, "a": ROWS}, {"q": Line("b", 2.0), "p": Line("a", 3.0)})
    found = adopt(path=made.entry_path, signature=signature("a b", "p q"))
    assert (found.input_names, found.output_names) == ({"a": "a", "b": "b"}, {"p": "p", "q": "q"})
    assert found.signature == signature("a b", "p q")
    assert (found.target, found.entry, found.files) == (made.target, made.entry, made.files)
    assert found.notes == ()


@FORMATS
def test_a_lone_input_and_output_need_no_names(format: str, tmp_path: Path) -> None:
    made = write(format, tmp_path, {"serving": ROWS}, {"StatefulPartitionedCall:0": Line("serving", 2.0)})
    found = adopt(path=made.entry_path, signature=signature("image", "logits"))
    assert found.input_names == {"image": "serving"}
    assert found.output_names == {"logits": "StatefulPartitionedCall:0"}
    told = "have other names in the file and were told by their shapes and dtypes"
    assert found.notes == (
        f"The inputs {told}: image is serving.",
        f"The outputs {told}: logits is StatefulPartitionedCall:0.",
    )


@FORMATS
def test_shapes_and_dtypes_settle_what_names_do_not(format: str, tmp_path: Path) -> None:
    inputs = {"i0": Port((None, 4)), "i1": Port((None, 2), "int32"), "i2": Port((None, 2))}
    outputs = {"o0": Line("i0", 2.0), "o1": Line("i1"), "o2": Line("i2", 2.0)}
    made = write(format, tmp_path, inputs, outputs)
    original = Signature(
        (spec("ids", (None, 2), "int32"), spec("x", (None, 2)), spec("y", (None, 4))),
        (spec("r", (None, 4)), spec("s", (None, 2)), spec("t", (None, 2), "int32")),
    )
    found = adopt(path=made.entry_path, signature=original)
    assert found.input_names == {"ids": "i1", "x": "i2", "y": "i0"}
    assert found.output_names == {"r": "o0", "s": "o2", "t": "o1"}
    assert found.signature == original


@FORMATS
def test_values_settle_outputs_that_look_alike(format: str, tmp_path: Path) -> None:
    made = write(format, tmp_path / "file", {"x": ROWS}, {"o0": Line("x", 2.0), "o1": Line("x", -3.0)})
    original = signature("x", "p q")
    known = reference(original, tmp_path / "known", {"p": Line("x", -3.0), "q": Line("x", 2.0)})
    found = adopt(path=made.entry_path, signature=original, reference=known)
    assert found.output_names == {"p": "o1", "q": "o0"}
    assert found.notes == (
        "The outputs have other names in the file and were told by their values: p is o1, q is o0.",
    )
    assert runs_as(found, known)


@FORMATS
def test_values_settle_inputs_that_look_alike(format: str, tmp_path: Path) -> None:
    made = write(
        format, tmp_path / "file", {"i0": ROWS, "i1": ROWS}, {"o0": Line("i0", 2.0), "o1": Line("i1", -3.0)}
    )
    original = signature("a b", "p q")
    known = reference(original, tmp_path / "known", {"p": Line("a", -3.0), "q": Line("b", 2.0)})
    found = adopt(path=made.entry_path, signature=original, reference=known)
    assert found.input_names == {"a": "i1", "b": "i0"}
    assert found.output_names == {"p": "o1", "q": "o0"}
    assert runs_as(found, known)


def test_values_settle_a_file_with_a_fixed_batch(tmp_path: Path) -> None:
    fixed = Port((4, 3))
    made = write("onnx", tmp_path / "file", {"x": fixed}, {"o0": Line("x", 2.0), "o1": Line("x", -3.0)})
    original = signature("x", "p q")
    known = reference(original, tmp_path / "known", {"p": Line("x", -3.0), "q": Line("x", 2.0)})
    found = adopt(path=made.entry_path, signature=original, reference=known)
    assert found.output_names == {"p": "o1", "q": "o0"}
    assert found.signature.inputs == (spec("x", (4, 3)),)


def test_without_values_the_candidates_are_named(tmp_path: Path) -> None:
    made = write("onnx", tmp_path, {"x": ROWS}, {"o0": Line("x", 2.0), "o1": Line("x", -3.0)})
    assert refusal(made.entry_path, signature("x", "p q")) == (
        f"{made.entry_path}: can't tell which tensor is which "
        "(names and shapes don't settle it, and no values were given)\n"
        "  got:  outputs o0: float32[?, 3], o1: float32[?, 3]\n"
        "  want: outputs p: float32[?, 3], q: float32[?, 3]\n"
        "  fix:  export it with the names of the Keras model, or give data (--data) on which these differ"
    )


def test_outputs_with_the_same_values_are_refused(tmp_path: Path) -> None:
    made = write("onnx", tmp_path / "file", {"x": ROWS}, {"o0": Line("x", 2.0), "o1": Line("x", 2.0)})
    original = signature("x", "p q")
    known = reference(original, tmp_path / "known", {"p": Line("x", 2.0), "q": Line("x", 2.0)})
    assert refusal(made.entry_path, original, known) == (
        f"{made.entry_path}: can't tell which tensor is which "
        "(several mappings give the original's values)\n"
        "  got:  outputs o0: float32[?, 3], o1: float32[?, 3]\n"
        "  want: outputs p: float32[?, 3], q: float32[?, 3]\n"
        "  fix:  export it with the names of the Keras model, or give data (--data) on which these differ"
    )


def test_inputs_that_data_does_not_tell_apart_are_refused(tmp_path: Path) -> None:
    lines = {"p": Line("a", 2.0), "q": Line("b", 3.0)}
    made = write(
        "onnx", tmp_path / "file", {"i0": ROWS, "i1": ROWS}, {"p": Line("i0", 2.0), "q": Line("i1", 3.0)}
    )
    original = signature("a b", "p q")
    known = reference(original, tmp_path / "known", lines, seeds=1)
    assert refusal(made.entry_path, original, known) == (
        f"{made.entry_path}: can't tell which tensor is which "
        "(several mappings give the original's values)\n"
        "  got:  inputs i0: float32[?, 3], i1: float32[?, 3]\n"
        "  want: inputs a: float32[?, 3], b: float32[?, 3]\n"
        "  fix:  export it with the names of the Keras model, or give data (--data) on which these differ"
    )
    assert adopt(
        path=made.entry_path, signature=original, reference=reference(original, tmp_path / "other", lines)
    ).input_names == {"a": "i0", "b": "i1"}


def test_values_that_fit_no_mapping_are_refused(tmp_path: Path) -> None:
    made = write("onnx", tmp_path / "file", {"x": ROWS}, {"o0": Line("x", 2.0), "o1": Line("x", -3.0)})
    original = signature("x", "p q")
    known = reference(original, tmp_path / "known", {"p": Line("x", 2.0), "q": Line("x", 7.0)})
    assert refusal(made.entry_path, original, known) == (
        f"{made.entry_path}: no way to map its inputs and outputs gives the original's values\n"
        "  got:  the best one is 0.75 of the outputs' spread away (p = o0, q = o0)\n"
        "  want: at most 0.1\n"
        "  fix:  check that this file was exported from this model; if it was, name its tensors as the "
        "model does, so that it can be judged all the same"
    )


@FORMATS
@pytest.mark.parametrize(
    ("of", "what", "got", "want"),
    [
        (signature("x z", "y"), "1 input(s), the model 2", "x", "z"),
        (signature("x", "y z"), "1 output(s), the model 2", "y", "z"),
    ],
    ids=["input", "output"],
)
def test_a_missing_tensor_is_named(  # noqa: PLR0917 - a table
    format: str, of: Signature, what: str, got: str, want: str, tmp_path: Path
) -> None:
    made = write(format, tmp_path, {"x": ROWS}, {"y": Line("x", 2.0)})
    assert refusal(made.entry_path, of) == (
        f"{made.entry_path}: the file has {what}\n"
        f"  got:  {got}: float32[?, 3]\n"
        f"  want: {got}: float32[?, 3]; {want}: float32[?, 3]\n"
        "  fix:  check that this file was exported from this model and signature (--signature)"
    )


@FORMATS
@pytest.mark.parametrize("name", ["x", "another"])
def test_a_shape_that_does_not_fit_is_refused(format: str, name: str, tmp_path: Path) -> None:
    made = write(format, tmp_path, {name: Port((None, 5))}, {"y": Line(name, 2.0)})
    assert refusal(made.entry_path, signature("x", "y")) == (
        f"{made.entry_path}: no input of the file can be x\n"
        f"  got:  {name}: float32[?, 5]\n"
        "  want: x: float32[?, 3]\n"
        "  fix:  check that this file was exported from this model and signature (--signature)"
    )


def test_channels_first_is_never_transposed_in_silence(tmp_path: Path) -> None:
    made = write("onnx", tmp_path, {"x": Port((None, 3, 32, 32))}, {"y": Line("x", 2.0)})
    image = (None, 32, 32, 3)
    assert refusal(made.entry_path, Signature((spec("image", image),), (spec("y", image),))) == (
        f"{made.entry_path}: input image has its channels at another place\n"
        "  got:  x: float32[?, 3, 32, 32]\n"
        "  want: image: float32[?, 32, 32, 3]\n"
        "  fix:  export it with the layout of the Keras model (channels last); edgeproof transposes nothing "
        "in silence, since the app would have to do the same"
    )


def test_a_tfjs_directory_is_its_model_json(tmp_path: Path) -> None:
    made = write("tfjs", tmp_path, {"x": ROWS}, {"y": Line("x", 2.0)})
    of = signature("x", "y")
    assert adopt(path=tmp_path, signature=of) == adopt(path=made.entry_path, signature=of)


@pytest.mark.parametrize("format", ["tflite", "tfjs"])
def test_without_a_signature_tensor_names_are_used_and_it_says_so(format: str, tmp_path: Path) -> None:
    made = write(format, tmp_path / "file", {"x": ROWS}, {"y": Line("x", 2.0)}, signature=False)
    of = signature("x", "y")
    found = adopt(path=made.entry_path, signature=of)
    assert found.signature_key is None
    assert (
        found.notes
        == {
            "tflite": ("The file has no signature: its tensor names were used.",),
            "tfjs": ("The file has no signature: its placeholders and last nodes were taken.",),
        }[format]
    )
    assert runs_as(found, reference(of, tmp_path / "known", {"y": Line("x", 2.0)}))


def test_only_files_that_belong_to_it_are_recorded(tmp_path: Path) -> None:
    made = write("tfjs", tmp_path, {"x": ROWS}, {"y": Line("x", 2.0)})
    (tmp_path / "notes.txt").write_text("not part of it")
    found = adopt(path=tmp_path, signature=signature("x", "y"))
    assert found.files == made.files


def test_onnx_weights_in_a_file_beside_it_belong_to_it(tmp_path: Path) -> None:
    import onnx

    made = write("onnx", tmp_path, {"x": ROWS}, {"y": Line("x", 2.0)})
    model = onnx.load(str(made.entry_path))
    onnx.save(
        model, str(made.entry_path), save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    of = signature("x", "y")
    assert [row.path for row in adopt(path=made.entry_path, signature=of).files] == [
        "model.onnx",
        "weights.bin",
    ]
    (tmp_path / "weights.bin").unlink()
    assert refusal(made.entry_path, of) == (
        f"{tmp_path / 'weights.bin'}: not an export that can be read\n"
        "  got:  no such file\n  want: a file\n  fix:  check the path"
    )


def test_tfjs_says_how_its_weights_are_kept(tmp_path: Path) -> None:
    made = write("tfjs", tmp_path, {"x": ROWS}, {"y": Line("x", 2.0)})
    for kept, size in (("float16", 2), ("uint16", 2), ("uint8", 1)):
        model = json.loads(made.entry_path.read_text())
        model["weightsManifest"][0]["weights"][0]["quantization"] = {"dtype": kept, "scale": 1.0, "min": 0.0}
        made.entry_path.write_text(json.dumps(model))
        (tmp_path / "shard.bin").write_bytes(bytes(size))
        assert str(adopt(path=tmp_path, signature=signature("x", "y")).target) == f"tfjs:{kept}"
