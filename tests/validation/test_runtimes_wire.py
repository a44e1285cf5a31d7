"""Frames and casts at the boundary to TF.js."""

from __future__ import annotations

import io
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.signature import TensorSpec
from tests.validation.hand_made import Line, Port, write
from validation.runtimes import runtime
from validation.runtimes.wire import decode_frame, encode_frame, to_wire


def test_a_frame_comes_back_as_it_went() -> None:
    tensors = {
        "f": np.array([[np.nan, -0.0]], np.float32),
        "i": np.array(7, np.int32),
        "b": np.array([True, False]),
        "c": np.array([1 + 2j], np.complex64),
        "s": np.array([["a", b"\xff\x00"]], object),
        "empty": np.zeros((0, 3), np.float32),
    }
    stream = io.BytesIO(b"".join(encode_frame({"kind": "run"}, tensors)))
    header, found = decode_frame(stream.read) or ({}, {})
    assert header == {"kind": "run"}
    assert list(found) == list(tensors)
    for name in ("f", "i", "b", "c", "empty"):
        assert found[name].dtype == tensors[name].dtype
        assert found[name].shape == tensors[name].shape
        assert found[name].tobytes() == tensors[name].tobytes()
    assert found["s"].tolist() == [[b"a", b"\xff\x00"]]


def test_a_frame_cut_anywhere_is_the_end_of_the_stream() -> None:
    whole = b"".join(encode_frame({"ok": True}, {"x": np.ones(5, np.float32)}))
    for length in range(len(whole)):
        assert decode_frame(io.BytesIO(whole[:length]).read) is None


@pytest.mark.parametrize(
    ("dtype", "values", "wire"),
    [
        ("int64", [-(2**31), 2**31 - 1], "int32"),
        ("uint32", [0, 2**31 - 1], "int32"),
        ("uint64", [0, 2**31 - 1], "int32"),
        ("uint8", [0, 255], "int32"),
        ("int8", [-128, 127], "int32"),
        ("int16", [-(2**15), 2**15 - 1], "int32"),
        ("float16", [1.5, -np.inf], "float32"),
        ("float64", [1.5, np.nan], "float32"),
        ("bfloat16", [1.5, 2.0], "float32"),
        ("float32", [1.5], "float32"),
        ("bool", [True], "bool"),
    ],
)
def test_values_that_fit_survive(dtype: str, values: list[float], wire: str) -> None:
    array = np.array(values, ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    spec = TensorSpec("x", (None,), dtype)
    sent = to_wire(spec, array, "m")
    assert sent.dtype.name == wire
    assert sent.astype(array.dtype).tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("dtype", "value", "shown"),
    [
        ("int64", 2**31, "2147483648"),
        ("int64", -(2**31) - 1, "-2147483649"),
        ("uint32", 2**32 - 1, "4294967295"),
        ("uint64", 2**63, "9223372036854775808"),
        ("float64", 1e39, "1e+39"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(dtype: str, value: float, shown: str) -> None:
    wire = "float32" if dtype == "float64" else "int32"
    with pytest.raises(EdgeproofError) as caught:
        to_wire(TensorSpec("ids", (None,), dtype), np.array([1, value], dtype), "model.json on tfjs")
    assert str(caught.value) == (
        "model.json on tfjs: a value of the input does not survive\n"
        f"  got:  ids holds {shown}, which {wire} can't hold\n"
        f"  want: values that {wire} can hold, since TF.js has no {dtype}\n"
        "  fix:  keep to such values, or give this input a dtype that TF.js has"
    )


@pytest.mark.parametrize("name", ["tfjs-node-cpu", "tfjs-node-wasm"])
def test_int64_that_overflows_is_refused_before_it_is_sent(name: str, tmp_path: Path) -> None:
    artifact = write("tfjs", tmp_path, {"ids": Port((None, 2), "int64")}, {"y": Line("ids")})
    with runtime(name).open(artifact) as session:
        with pytest.raises(EdgeproofError) as caught:
            session.run({"ids": np.array([[1, 2**40]])})
        assert caught.value.got == "ids holds 1099511627776, which int32 can't hold"
        assert session.run({"ids": np.array([[1, 2]])})["y"].tolist() == [[1, 2]]
