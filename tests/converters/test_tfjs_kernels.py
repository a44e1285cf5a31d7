"""The table of kernels that a backend of TF.js lacks, held against the installed packages."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from converters.errors import EdgeproofError, ExitStatus
from converters.obstacles import refuse_obstacles
from converters.target import ExportTarget
from converters.tfjs_model.unsupported import BACKENDS, LACKING
from tests.converters.exporting import freeze_keras, op_model

PACKAGES = Path(__file__).parents[2] / "validation/runtimes/js"
KERNELS_OF = {"RFFT": "FFT", "IRFFT": "IFFT", "UniqueV2": "Unique"}
"""Ops that TF.js makes of a kernel with another name."""

LIST_KERNELS = """
const tf = require('@tensorflow/tfjs-core');
const names = process.argv.slice(1);
names.forEach(name => require(`@tensorflow/tfjs-backend-${name}`));
const kernels = name => tf.getKernelsForBackend(name).map(kernel => kernel.kernelName);
console.log(JSON.stringify(Object.fromEntries(names.map(name => [name, kernels(name)]))));
"""


def known_ops() -> set[str]:
    """What TF.js' graph executor takes."""
    spec = find_spec("tensorflowjs")
    assert spec is not None
    [package] = spec.submodule_search_locations or ()
    files = Path(package, "op_list").glob("*.json")
    return {row["tfOpName"] for file in files for row in json.loads(file.read_text(encoding="utf-8"))}


@pytest.mark.skipif(
    not shutil.which("node") or not (PACKAGES / "node_modules/@tensorflow").is_dir(),
    reason="TF.js' packages are not installed: make setup",
)
def test_the_table_of_missing_kernels_is_that_of_the_installed_packages():
    command = ["node", "-e", LIST_KERNELS, *BACKENDS]
    run = subprocess.run(command, cwd=PACKAGES, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    kernels = {name: set(found) for name, found in json.loads(run.stdout).items()}
    everywhere = set().union(*kernels.values())
    missing = {}
    for op in known_ops():
        kernel = KERNELS_OF.get(op, op)
        without = tuple(name for name in BACKENDS if kernel not in kernels[name])
        if kernel in everywhere and without:
            missing[op] = without
    assert dict(sorted(missing.items())) == dict(LACKING)


def test_what_one_backend_lacks_is_refused_with_the_layer_and_the_backends_that_have_it(tmp_path):
    import keras

    inputs = keras.Input((4,), dtype="int32", name="x")
    layer = keras.layers.Activation(lambda x: keras.ops.bitwise_and(x, 3), name="low_bits", dtype="int32")
    graph = freeze_keras(keras.Model(inputs, layer(inputs)), tmp_path)
    with pytest.raises(EdgeproofError) as caught:
        refuse_obstacles(graph, ExportTarget("tfjs", "float32"))
    assert caught.value.status == ExitStatus.CONVERSION_FAILED
    assert str(caught.value) == (
        "tfjs:float32: the model has 1 op(s) that tfjs can't express\n"
        "  got:  layer low_bits (BitwiseAnd): "
        "TF.js has no kernel for it on webgpu, only on cpu, wasm, webgl\n"
        "  want: ops that tfjs runs without extensions\n"
        "  fix:  BitwiseAnd: replace it by common ops; compute it outside of the model otherwise"
    )


@pytest.mark.parametrize("format", ["tfjs", "onnx"])
def test_complex_numbers_that_stay_are_refused_before_conversion(format, tmp_path):
    import keras
    import tensorflow as tf

    model = op_model(keras, lambda x, y: tf.math.real(tf.exp(tf.complex(x, y))), (4,), (4,))
    with pytest.raises(EdgeproofError) as caught:
        refuse_obstacles(freeze_keras(model, tmp_path), ExportTarget(format, "float32"))
    why = {
        "tfjs": "TF.js has no kernel for it on wasm, only on cpu, webgl, webgpu",
        "onnx": "ONNX has no complex numbers, and this use of them has no form in real ones here",
    }[format]
    assert caught.value.got == f"layer op (Complex): {why}\nlayer op (Real): {why}"
