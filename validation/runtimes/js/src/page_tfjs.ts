// TF.js in the page, on the cpu, wasm, webgl and webgpu backends.

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import {getThreadsCount, setThreadsCount, setWasmPaths} from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-webgl';
import type {MathBackendWebGL} from '@tensorflow/tfjs-backend-webgl';
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import '@tensorflow/tfjs-backend-webgpu';

import {Engine, startBackend} from './engine';
import {alone, type Files, fileOf, type PageEngine} from './page_engine';
import type {WireTensor} from './wire';

/** TF.js keeps int32 as float32 on both GPU backends, where from here on not every integer exists. */
const LARGEST_INTEGER = 2 ** 24;

export class TfjsPage implements PageEngine {
  private engine: Engine | null = null;
  private backend = '';

  async start(backend: string, threads: number): Promise<void> {
    this.backend = backend;
    setWasmPaths(new URL('.', location.href).href);
    setThreadsCount(threads);
    // Otherwise tensors of up to 128 elements are computed on the CPU (cpu_forward in 4.22).
    tf.env().set('WEBGL_CPU_FORWARD', false);
    const [name, half] = backend.split('-') as [string, string?];
    tf.env().set('WEBGL_FORCE_F16_TEXTURES', half === 'f16');
    await startBackend(name);
    if (name === 'webgl') checkTextures(half === 'f16');
    if (name === 'webgpu') refuseReadingBack(tf.backend() as WebGPUBackend);
  }

  async open(entry: string, files: Files): Promise<void> {
    await this.close();
    const text = new TextDecoder().decode(fileOf(files, entry));
    const modelJson = JSON.parse(text) as tf.io.ModelJSON;
    const names = (modelJson.weightsManifest ?? []).flatMap(group => group.paths);
    const shards = names.map(name => alone(fileOf(files, name)).buffer);
    this.engine = await Engine.open({modelJson, shards});
  }

  async run(inputs: WireTensor[], outputs: string[]): Promise<WireTensor[]> {
    if (this.engine === null) throw new Error('no model is open');
    const onGpu = this.backend.startsWith('webg');
    if (onGpu) inputs.forEach(refuseLargeIntegers);
    const results = await this.engine.run(inputs, outputs);
    if (onGpu) results.forEach(refuseLargeIntegers);
    return results;
  }

  async close(): Promise<void> {
    this.engine?.dispose();
    this.engine = null;
  }

  describe(): Record<string, unknown> {
    const facts = {...this.engine?.describe(), version: tf.version_core, backend: tf.getBackend()};
    if (this.backend === 'wasm') return {...facts, threads: getThreadsCount()};
    if (this.backend.startsWith('webgl')) return {...facts, ...describeWebgl()};
    if (this.backend === 'webgpu') return {...facts, flags: flags('WEBGPU_CPU_HANDOFF_SIZE_THRESHOLD')};
    return facts;
  }
}

/** Textures of 16 bits round every value to 11 bits: another precision, to be proven on its own. */
function checkTextures(half: boolean): void {
  if (tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED') !== half) return;
  throw new Error(half ? 'TF.js did not take 16-bit float textures'
    : 'this WebGL has only 16-bit float textures; float32 cannot be proven on it');
}

/**
 * Some kernels of TF.js 4.22 compute on the CPU what has five dimensions, and read it back in the middle of
 * the graph, through a canvas: that changes values in Firefox, and ends SwiftShader's process in Chromium.
 */
function refuseReadingBack(backend: WebGPUBackend): void {
  let kernel = '';
  for (const config of tf.getKernelsForBackend('webgpu')) {
    const {kernelFunc, kernelName} = config;
    config.kernelFunc = params => {
      kernel = kernelName;
      return kernelFunc(params);
    };
  }
  const readSync = backend.readSync.bind(backend);
  backend.readSync = id => {
    const {values, resource} = backend.tensorMap.get(id);
    if (values || !resource) return readSync(id);
    throw new Error(`TF.js' ${kernel} reads its input back from WebGPU, which loses values`);
  };
}

function describeWebgl(): Record<string, unknown> {
  const {gl} = (tf.backend() as MathBackendWebGL).gpgpu;
  const names = gl.getExtension('WEBGL_debug_renderer_info');
  const renderer: unknown = gl.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER);
  const half = tf.env().getBool('WEBGL_FORCE_F16_TEXTURES');
  return {backend: half ? 'webgl-f16' : 'webgl', renderer, flags: flags('WEBGL_VERSION', 'WEBGL_RENDER_FLOAT32_ENABLED',
    'WEBGL_FORCE_F16_TEXTURES', 'WEBGL_CPU_FORWARD', 'WEBGL_PACK')};
}

function flags(...names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map(name => [name, tf.env().get(name)]));
}

function refuseLargeIntegers({name, dtype, data}: WireTensor): void {
  if (dtype !== 'int32') return;
  const large = new Int32Array(alone(data).buffer).find(value => Math.abs(value) > LARGEST_INTEGER);
  if (large !== undefined) {
    throw new Error(`${name} holds ${large}: TF.js computes integers beyond 2^24 wrongly on a GPU backend`);
  }
}
