// ONNX Runtime Web in the page. The build with WebGPU is another one than the plain one, as in apps.

import type * as Ort from 'onnxruntime-web';

import {takeConsole} from './evidence';
import {alone, bytesOf, type Files, fileOf, type PageEngine} from './page_engine';
import {decodeStrings, encodeStrings, type DType, type WireTensor} from './wire';

const VERBOSE = 0;
const ARRAYS: Partial<Record<DType, new (buffer: ArrayBuffer) => ArrayBufferView>> = {
  float32: Float32Array, float64: Float64Array, float16: Uint16Array,
  int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array,
  uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, uint64: BigUint64Array,
  bool: Uint8Array,
};

export class OrtPage implements PageEngine {
  private ort!: typeof Ort;
  private session: Ort.InferenceSession | null = null;
  private backend = '';
  /** Nodes of the open model by execution provider. */
  private nodes: Record<string, number> = {};

  async start(backend: string, threads: number): Promise<void> {
    this.backend = backend;
    const build = backend === 'webgpu' ? 'ort-wasm-simd-threaded.asyncify' : 'ort-wasm-simd-threaded';
    this.ort = backend === 'webgpu'
      ? await import('onnxruntime-web/webgpu') : await import('onnxruntime-web/wasm');
    const {env} = this.ort;
    env.wasm.numThreads = threads;
    env.wasm.wasmPaths = {
      mjs: new URL(`${build}.mjs`, location.href).href, wasm: new URL(`${build}.wasm`, location.href).href,
    };
    // Only at this level it tells where each node was placed.
    env.logLevel = 'verbose';
  }

  async open(entry: string, files: Files): Promise<void> {
    await this.close();
    takeConsole();
    this.session = await this.ort.InferenceSession.create(fileOf(files, entry), {
      executionProviders: [this.backend],
      graphOptimizationLevel: 'all',
      logSeverityLevel: VERBOSE,
    });
    this.nodes = placements(takeConsole());
    if (!this.describeProvider()) throw new Error('ONNX Runtime did not say which provider runs the nodes');
  }

  async run(inputs: WireTensor[], outputs: string[]): Promise<WireTensor[]> {
    if (this.session === null) throw new Error('no model is open');
    const feeds = Object.fromEntries(inputs.map(input => [input.name, this.toTensor(input)]));
    const results = await this.session.run(feeds, outputs);
    return Promise.all(outputs.map(name => toWire(name, results[name]!)));
  }

  async close(): Promise<void> {
    await this.session?.release();
    this.session = null;
  }

  describe(): Record<string, unknown> {
    return {
      version: this.ort.env.versions.web,
      backend: this.backend,
      threads: this.ort.env.wasm.numThreads,
      nodes: this.nodes,
    };
  }

  private describeProvider(): boolean {
    return Object.keys(this.nodes).length > 0;
  }

  private toTensor({dtype, shape, data}: WireTensor): Ort.Tensor {
    if (dtype === 'string') {
      const decoder = new TextDecoder('utf-8', {fatal: true});
      return new this.ort.Tensor('string', decodeStrings(data).map(text => decoder.decode(text)), shape);
    }
    const array = ARRAYS[dtype];
    if (array === undefined) throw new Error(`ONNX Runtime Web has no ${dtype}`);
    const values = new array(alone(data).buffer) as Ort.Tensor['data'];
    return new this.ort.Tensor(dtype as Ort.Tensor.Type, values as never, shape);
  }
}

/** Nodes by provider, from the lines that ONNX Runtime prints when it has placed them. */
function placements(lines: string[]): Record<string, number> {
  const nodes: Record<string, number> = {};
  for (const line of lines) {
    const found = /placed on \[(\w+)\]\. Number of nodes: (\d+)/.exec(line);
    if (found) nodes[found[1]!] = Number(found[2]);
  }
  return nodes;
}

async function toWire(name: string, tensor: Ort.Tensor): Promise<WireTensor> {
  const shape = [...tensor.dims];
  const dtype = tensor.type as DType;
  const values = await tensor.getData();
  tensor.dispose();
  if (dtype === 'string') {
    const encoder = new TextEncoder();
    return {name, dtype, shape, data: encodeStrings((values as string[]).map(text => encoder.encode(text)))};
  }
  return {name, dtype, shape, data: bytesOf(values as unknown as ArrayBufferView).slice()};
}
