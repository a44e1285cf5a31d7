// The engine behind a pipe: frames on stdin, one reply for each on stdout. Ends with stdin.
//
//   node node.cjs cpu|wasm
//
//   {"kind": "open", "model": "/path/model.json"}      -> {"ok": true, ...description}
//   {"kind": "run", "outputs": [...]} + input tensors  -> {"ok": true, ...description} + output tensors
//   anything that fails                                -> {"ok": false, "error": "...", "stack": "..."}

import {readFileSync, statSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {Worker} from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import {getThreadsCount, setWasmPaths} from '@tensorflow/tfjs-backend-wasm';

import {Engine, startBackend} from './engine';
import {decodeFrame, encodeFrame, type Frame} from './wire';

const WASM_FILES = [
  'tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm',
];
const backend = process.argv[2] ?? 'cpu';
let engine: Engine | null = null;
let wasmLoaded = 'none';

// stdout belongs to the frames; whatever TF.js prints goes to the log.
console.log = console.info = console.debug = console.error;

// But not its advertisement for another package, which would stand among the last words of a crash.
const warn = console.warn;
console.warn = (...words: unknown[]) => {
  if (!String(words[0]).includes('install our node backend')) warn(...words);
};

/** Ends this process when its parent is gone, even in the middle of a kernel that never yields. */
function dieWithParent(): void {
  const watch = `const parent = process.ppid;
    setInterval(() => process.ppid === parent || process.kill(process.pid, 'SIGKILL'), 500);`;
  new Worker(watch, {eval: true}).unref();
}

/** Notes which of the binaries was really compiled: TF.js only says which one it would prefer. */
function watchWasm(): void {
  const names = new Map(WASM_FILES.map(file => [statSync(join(__dirname, file)).size, file]));
  const instantiate = WebAssembly.instantiate.bind(WebAssembly) as typeof WebAssembly.instantiate;
  const spy = (source: BufferSource, imports?: WebAssembly.Imports) => {
    wasmLoaded = names.get(source.byteLength) ?? `a binary of ${source.byteLength} bytes`;
    return instantiate(source, imports);
  };
  WebAssembly.instantiate = spy as typeof WebAssembly.instantiate;
}

function describe(): Record<string, unknown> {
  const wasm = backend === 'wasm' ? {wasm: wasmLoaded, threads: getThreadsCount()} : {};
  return {...engine?.describe(), node: process.version, ...wasm};
}

function readModel(path: string): {modelJson: tf.io.ModelJSON; shards: ArrayBuffer[]} {
  const modelJson = JSON.parse(readFileSync(path, 'utf8')) as tf.io.ModelJSON;
  const names = (modelJson.weightsManifest ?? []).flatMap(group => group.paths);
  const shards = names.map(name => new Uint8Array(readFileSync(join(dirname(path), name))).buffer);
  return {modelJson, shards};
}

async function answer({header, tensors}: Frame): Promise<Frame> {
  if (header['kind'] === 'open') {
    await startBackend(backend);
    engine = await Engine.open(readModel(header['model'] as string));
    return {header: {ok: true, ...describe()}, tensors: []};
  }
  if (engine === null) throw new Error('no model is open');
  const outputs = await engine.run(tensors, header['outputs'] as string[]);
  return {header: {ok: true, ...describe()}, tensors: outputs};
}

async function answerOrFail(frame: Frame): Promise<Frame> {
  try {
    return await answer(frame);
  } catch (error) {
    // Not everything that TF.js and Emscripten throw is an Error.
    const {message, stack} = error instanceof Error
      ? error : {message: (error as {message?: string})?.message ?? String(error), stack: ''};
    return {header: {ok: false, error: message, stack}, tensors: []};
  }
}

const chunks = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
let held: Buffer = Buffer.alloc(0);

/**
 * Exactly so many bytes from stdin, or null at its end.
 *
 * Not with stdin.read(bytes): while less is there, every new 'readable' listener is called at once,
 * before any input is taken in, so that a request of more than a pipe's 64 KiB spins for ever.
 */
async function read(bytes: number): Promise<Uint8Array | null> {
  const parts = [held];
  for (let have = held.byteLength; have < bytes; have += parts[parts.length - 1]!.byteLength) {
    const next = await chunks.next();
    if (next.done) return null;
    parts.push(next.value);
  }
  const all = parts.length === 1 ? held : Buffer.concat(parts);
  held = all.subarray(bytes);
  return all.subarray(0, bytes);
}

async function write(frame: Frame): Promise<void> {
  for (const piece of encodeFrame(frame)) {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(piece, error => error ? reject(error) : resolve());
    });
  }
}

async function main(): Promise<void> {
  dieWithParent();
  watchWasm();
  setWasmPaths(join(__dirname, '/'));
  for (let frame = await decodeFrame(read); frame !== null; frame = await decodeFrame(read)) {
    await write(await answerOrFail(frame));
  }
  process.exit(0);
}

void main();
