// Opens a TF.js graph model and runs it: knows tensors and nothing of files, pipes or pages.

import * as tf from '@tensorflow/tfjs-core';
import {GraphModel, loadGraphModel} from '@tensorflow/tfjs-converter';

import {decodeStrings, encodeStrings, type WireTensor} from './wire';

/** A model.json and its shards, in the order in which the weights manifest names them. */
export interface ModelFiles {
  modelJson: tf.io.ModelJSON;
  shards: ArrayBuffer[];
}

/** Starts a backend; TF.js falls back to another one in silence, this doesn't. */
export async function startBackend(name: string): Promise<void> {
  const started = await tf.setBackend(name);
  await tf.ready();
  if (!started || tf.getBackend() !== name) {
    throw new Error(`asked for the ${name} backend, TF.js started ${tf.getBackend()}`);
  }
}

export class Engine {
  /** Set when TF.js refuses `execute` because of control flow or shapes that depend on values. */
  private dynamic = false;
  private tensorsAfterFirstRun: number | null = null;

  private constructor(private readonly model: GraphModel, private readonly weights: Set<number>) {}

  static async open(files: ModelFiles): Promise<Engine> {
    const artifacts = await tf.io.getModelArtifactsForJSON(
      files.modelJson, async manifest => [tf.io.getWeightSpecs(manifest), files.shards]);
    const model = await loadGraphModel(tf.io.fromMemory(artifacts));
    const weights = Object.values(model.weights).flat().map(tensor => tensor.id);
    return new Engine(model, new Set(weights));
  }

  /** Frees the weights. */
  dispose(): void {
    this.model.dispose();
  }

  /** What runs, for the report. */
  describe(): Record<string, unknown> {
    return {
      version: tf.version_core,
      backend: tf.getBackend(),
      call: this.dynamic ? 'executeAsync' : 'execute',
      liveTensors: tf.memory().numTensors,
    };
  }

  /**
   * Runs one batch.
   *
   * @param outputs names in the file; a result comes for each, in this order.
   * @throws when tensors pile up from one run to the next.
   */
  async run(inputs: WireTensor[], outputs: string[]): Promise<WireTensor[]> {
    const feed: tf.NamedTensorMap = {};
    let results: tf.Tensor[] = [];
    let replies: WireTensor[] = [];
    try {
      for (const input of inputs) feed[input.name] = toTensor(input);
      results = await this.execute(feed, outputs);
      replies = await Promise.all(results.map((tensor, i) => toWire(outputs[i]!, tensor)));
    } catch (error) {
      this.tensorsAfterFirstRun = null;  // what a run that failed leaves behind is no leak
      throw error;
    } finally {
      const used = [...Object.values(feed), ...results];
      tf.dispose(used.filter(tensor => !this.weights.has(tensor.id)));
    }
    this.checkMemory();
    return replies;
  }

  private async execute(feed: tf.NamedTensorMap, outputs: string[]): Promise<tf.Tensor[]> {
    if (!this.dynamic) {
      try {
        return listed(this.model.execute(feed, outputs));
      } catch (error) {
        // The message is TF.js's only sign of such a graph (GraphExecutor.compile, 4.22).
        if (!String(error).includes('Please use model.executeAsync() instead')) throw error;
        this.dynamic = true;
      }
    }
    return listed(await this.model.executeAsync(feed, outputs));
  }

  private checkMemory(): void {
    const {numTensors} = tf.memory();
    this.tensorsAfterFirstRun ??= numTensors;
    if (numTensors > this.tensorsAfterFirstRun) {
      throw new Error(`${numTensors - this.tensorsAfterFirstRun} tensors leaked in one run`);
    }
  }
}

function listed(results: tf.Tensor | tf.Tensor[]): tf.Tensor[] {
  return Array.isArray(results) ? results : [results];
}

function toTensor({dtype, shape, data}: WireTensor): tf.Tensor {
  if (dtype === 'string') return tf.tensor(decodeStrings(data), shape, 'string');
  // A copy, since a typed array has to begin at a multiple of its element's size. (Not by slice():
  // Node's Buffer has one that copies nothing.)
  const copy = new Uint8Array(data);
  if (dtype === 'bool') return tf.tensor(copy, shape, 'bool');
  const {buffer} = copy;
  if (dtype === 'int32') return tf.tensor(new Int32Array(buffer), shape, 'int32');
  if (dtype !== 'float32' && dtype !== 'complex64') throw new Error(`TF.js has no ${dtype}`);
  const values = new Float32Array(buffer);
  if (dtype === 'float32') return tf.tensor(values, shape, 'float32');
  return tf.tidy(() => tf.complex(
    tf.tensor(values.filter((_, i) => i % 2 === 0), shape, 'float32'),
    tf.tensor(values.filter((_, i) => i % 2 === 1), shape, 'float32')));
}

async function toWire(name: string, tensor: tf.Tensor): Promise<WireTensor> {
  const {dtype, shape} = tensor;
  if (dtype === 'string') {
    return {name, dtype, shape, data: encodeStrings(await tensor.bytes() as unknown as Uint8Array[])};
  }
  // Not tensor.bytes(): in 4.22 it gives the whole buffer where a slice is only a view of a part.
  const values = await tensor.data();
  return {name, dtype, shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice()};
}
