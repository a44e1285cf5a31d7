// LiteRT.js in the page, on XNNPACK in WebAssembly and on WebGPU.

import {type CompiledModel, loadAndCompile, loadLiteRt, type SignatureRunner, Tensor} from '@litertjs/core';

import {takeConsole} from './evidence';
import {alone, bytesOf, type Files, fileOf, type PageEngine} from './page_engine';
import type {DType, WireTensor} from './wire';

/** The three that LiteRT.js 2.5 takes and gives. */
const ARRAYS: Partial<Record<DType, typeof Float32Array | typeof Int32Array | typeof Uint8Array>> = {
  float32: Float32Array, int32: Int32Array, uint8: Uint8Array,
};

export class LitertPage implements PageEngine {
  private model: CompiledModel | null = null;
  private backend: 'wasm' | 'webgpu' = 'wasm';
  private threads = 1;

  async start(backend: string, threads: number): Promise<void> {
    this.backend = backend as 'wasm' | 'webgpu';
    this.threads = threads;
    await loadLiteRt(new URL('.', location.href).href, {threads: threads > 1});
  }

  async open(entry: string, files: Files): Promise<void> {
    await this.close();
    takeConsole();
    this.model = await loadAndCompile(fileOf(files, entry), {
      accelerator: this.backend,
      cpuOptions: {numThreads: this.threads},
      // The default is fp16 where the adapter has it.
      gpuOptions: {precision: 'fp32'},
    });
    const onGpu = this.backend === 'webgpu';
    const refused = onGpu ? refusals(takeConsole()) : [];
    const all = refused.length === 0 && (this.model.isFullyAccelerated || !onGpu);
    if (this.model.options.accelerator !== this.backend || !all) {
      throw new Error(
        [`LiteRT.js cannot run every node on ${this.backend} and would run the model on wasm`, ...refused].join('\n'));
    }
  }

  async run(inputs: WireTensor[], outputs: string[], signature: string | null): Promise<WireTensor[]> {
    if (this.model === null) throw new Error('no model is open');
    const runner: SignatureRunner = signature === null ? this.model : this.model.signatures[signature]!;
    const feed = Object.fromEntries(inputs.map(input => [input.name, toTensor(input)]));
    const results = await runner.run(feed);
    const replies: WireTensor[] = [];
    for (const details of runner.getOutputDetails()) {
      const tensor = results[details.name]!;
      const shape = [...tensor.type.layout.dimensions];
      const data = bytesOf(await tensor.data()).slice();
      if (outputs.includes(details.name)) replies.push({name: details.name, dtype: details.dtype, shape, data});
      tensor.delete();
    }
    Object.values(feed).forEach(tensor => tensor.delete());
    return replies;
  }

  async close(): Promise<void> {
    this.model?.delete();
    this.model = null;
  }

  describe(): Record<string, unknown> {
    return {
      version: LITERT_VERSION,
      backend: this.model?.options.accelerator ?? this.backend,
      threads: this.threads,
      precision: 'fp32',
    };
  }
}

/**
 * What the GPU delegate says of nodes that it leaves to the CPU: why, and how many. `isFullyAccelerated` is true
 * (2.5.3) even where it says so.
 */
function refusals(lines: string[]): string[] {
  const log = /^([IWE]\d{4} |(INFO|WARNING|VERBOSE): |%c|\s*$)/;
  const said = lines.flatMap(line => line.split('\n')).filter(line => !log.test(line));
  return said.some(line => line.includes('operations will run on the CPU')) ? said : [];
}

/** From its package.json, by the bundler. */
declare const LITERT_VERSION: string;

function toTensor({name, dtype, shape, data}: WireTensor): Tensor {
  const array = ARRAYS[dtype];
  if (array === undefined) throw new Error(`${name} is ${dtype}: LiteRT.js has float32, int32 and uint8 only`);
  return new Tensor(new array(alone(data).buffer), shape);
}
