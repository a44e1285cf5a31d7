"""The texts that reproducing scripts are made of; `scripts` fills them in."""

from __future__ import annotations

PYTHON_HEAD = '''"""{title}

    pip install numpy {package}
    python reproduce.py
"""

import sys
from pathlib import Path

import numpy as np
'''

LITERT = """from ai_edge_litert.interpreter import Interpreter, OpResolverType

HERE = Path(__file__).parent
inputs = dict(np.load(HERE / "input.npz"))

interpreter = Interpreter(
    str(HERE / "model.tflite"), experimental_op_resolver_type=OpResolverType.{resolver}
)
run = interpreter.get_signature_runner("serving_default")
for _ in range(2):  # a state that is kept shows the second time
    actual = run(**inputs)[{output}]
"""

ONNX = """import onnxruntime as ort

HERE = Path(__file__).parent
inputs = dict(np.load(HERE / "input.npz"))

options = ort.SessionOptions()
options.graph_optimization_level = ort.GraphOptimizationLevel.{level}
session = ort.InferenceSession(HERE / "model.onnx", options, providers=["CPUExecutionProvider"])
for _ in range(2):  # a state that is kept shows the second time
    [actual] = session.run([{output}], inputs)
"""

PYTHON_CHANNEL = """# Only index {index} of axis {axis}: beside the others it is small.
actual, expected = actual.take({index}, {axis}), expected.take({index}, {axis})
"""

PYTHON_TAIL = """
expected = np.load(HERE / "expected.npz")[{output}]
if actual.shape != expected.shape:
    sys.exit(f"shape {{actual.shape}}, expected {{expected.shape}}")
actual = {real}
{only}difference = np.abs(actual - expected.astype(np.float64))
worst = np.unravel_index(np.argmax(difference), difference.shape)
rms = np.sqrt(np.mean(difference**2))
index = [int(i) for i in worst]
print(f"greatest difference {{difference[worst]:.3g}} at {{index}}")
print(f"expected {{expected[worst]}}, got {{actual[worst]}}")
print(f"root mean square difference {{rms:.3g}}")
print("rounding explains {limit:.3g} and {rms_limit:.3g}")
sys.exit(0 if difference.max() <= {limit!r} and rms <= {rms_limit!r} else 1)
"""

NODE = """// {title}
//
//     npm install @tensorflow/tfjs-core@{version} @tensorflow/tfjs-converter@{version} \\
//         @tensorflow/tfjs-backend-{backend}@{version}
//     node reproduce.cjs

const fs = require('node:fs');
const path = require('node:path');
const tf = require('@tensorflow/tfjs-core');
const {{loadGraphModel}} = require('@tensorflow/tfjs-converter');
require('@tensorflow/tfjs-backend-{backend}');

const facts = {facts};
const read = async name => new Uint8Array(fs.readFileSync(path.join(__dirname, name))).buffer;
const print = text => console.log(text);
const done = status => process.exit(status);
"""

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>reproduce</title>
<!-- {title}

     npm install @tensorflow/tfjs-core@{version} @tensorflow/tfjs-converter@{version} \\
         @tensorflow/tfjs-backend-cpu@{version} @tensorflow/tfjs-backend-{backend}@{version}
     npx http-server    and open http://127.0.0.1:8080/reproduce.html
-->
<pre id="result">running</pre>
{scripts}
<script>
const {{loadGraphModel}} = tf;
const facts = {facts};
const read = async name => (await fetch(name)).arrayBuffer();
const lines = [];
const print = text => lines.push(text);
const done = status => {{
  document.getElementById('result').textContent = [...lines, `status ${{status}}`].join('\\n');
}};
// JAVASCRIPT
</script>
"""

_MODULES = '<script src="node_modules/@tensorflow/tfjs-{0}/dist/tf-{0}.min.js"></script>'

PAGE_SCRIPTS = {
    backend: "\n".join(
        _MODULES.format(name)
        for name in dict.fromkeys(("core", "converter", "backend-cpu", f"backend-{backend}"))
    )
    for backend in ("cpu", "wasm", "webgl", "webgpu")
}
"""Classic scripts, in the order in which they build on each other."""

JAVASCRIPT = """
// The arrays of an .npz file that is not compressed.
function arrays(buffer) {
  const view = new DataView(buffer), found = {};
  for (let at = 0; view.getUint32(at, true) === 0x04034b50;) {
    const nameLength = view.getUint16(at + 26, true), extraLength = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(new Uint8Array(buffer, at + 30, nameLength));
    const extra = at + 30 + nameLength;
    // A size of 0xffffffff stands in the extra field: 8 bytes, behind 4 of head and 8 of another size.
    let size = view.getUint32(at + 18, true);
    if (size === 0xffffffff) size = Number(view.getBigUint64(extra + 12, true));
    const start = extra + extraLength, headLength = view.getUint16(start + 8, true);
    const head = new TextDecoder().decode(new Uint8Array(buffer, start + 10, headLength));
    const shape = /\\(([^)]*)\\)/.exec(head)[1].split(',').filter(text => text.trim()).map(Number);
    const kind = /'descr': '[<|]([a-z]\\d)'/.exec(head)[1];
    const data = buffer.slice(start + 10 + headLength, start + size);
    const types = {f4: Float32Array, i4: Int32Array, b1: Uint8Array, u1: Uint8Array, i1: Int8Array,
      u2: Uint16Array, i2: Int16Array, i8: BigInt64Array};
    const dtype = {f4: 'float32', b1: 'bool'}[kind] ?? 'int32', stored = new types[kind](data);
    const values = dtype === 'int32' ? Int32Array.from(stored, Number) : stored;
    found[name.replace(/\\.npy$/, '')] = {shape, dtype, values};
    at = start + size;
  }
  return found;
}

async function main() {
  await tf.setBackend(facts.backend);
  await tf.ready();
  const modelJson = JSON.parse(new TextDecoder().decode(await read('model.json')));
  const shards = await Promise.all(modelJson.weightsManifest.flatMap(group => group.paths).map(read));
  const artifacts = await tf.io.getModelArtifactsForJSON(
    modelJson, async manifest => [tf.io.getWeightSpecs(manifest), shards]);
  const model = await loadGraphModel(tf.io.fromMemory(artifacts));
  const feed = {};
  for (const [name, {values, shape, dtype}] of Object.entries(arrays(await read('input.npz')))) {
    feed[name] = tf.tensor(values, shape, dtype);
  }
  let tensor;
  for (let run = 0; run < 2; ++run) tensor = await model.executeAsync(feed, facts.output);
  const actual = await tensor.data();
  const expected = arrays(await read('expected.npz'))[facts.output];
  if (String(tensor.shape) !== String(expected.shape)) {
    print(`shape [${tensor.shape}], expected [${expected.shape}]`);
    return done(1);
  }
  let worst = 0, squares = 0, greatest = 0, count = 0;
  // Only one index of an axis, where the facts tell one: beside the others it is small.
  const size = tensor.shape[facts.axis] ?? 1;
  const stride = tensor.shape.slice(facts.axis + 1).reduce((all, one) => all * one, 1);
  actual.forEach((value, i) => {
    if (facts.axis !== undefined && Math.floor(i / stride) % size !== facts.index) return;
    ++count;
    const difference = Math.abs(value - expected.values[i]);
    squares += difference ** 2;
    if (!(difference <= greatest)) [worst, greatest] = [i, difference];
  });
  const rms = Math.sqrt(squares / count);
  print(`greatest difference ${greatest} at element ${worst}: `
    + `expected ${expected.values[worst]}, got ${actual[worst]}`);
  print(`root mean square difference ${rms}`);
  print(`rounding explains ${facts.limit} and ${facts.rmsLimit}`);
  done(greatest <= facts.limit && rms <= facts.rmsLimit ? 0 : 1);
}

main().catch(error => {
  print(String(error));
  done(1);
});
"""
