// A realm of the page: one engine on one backend, with globals of its own, so that engines never meet
// each other's remains and each stays warm.
//
//   {"kind": "start", "engine", "backend", "threads"}             -> facts about the browser
//   {"kind": "open", "entry"} + files as uint8 tensors            -> description, ms
//   {"kind": "run", "outputs", "signature"} + input tensors       -> description, ms + output tensors
//   {"kind": "close"}    frees the model
//   {"kind": "echo"} + tensors                                    -> the same tensors
//   {"kind": "switch", "realm", "alone"}    answers; then the page lets another realm ask for jobs
//   anything that fails                                           -> {"ok": false, "error", "console"}

import type {Switch} from './page';
import {adapter, collectEvidence, counted, takeConsole, takeGpuErrors, wasmBinaries} from './evidence';
import type {PageEngine} from './page_engine';
import {decodeFrame, encodeFrame, type Frame} from './wire';

let engine: PageEngine | null = null;
let threadsWanted = 1;
let next: Switch | null = null;
// TF.js' WebGPU backend computes tensors below 1000 elements on the CPU. It has to leave the sizes that a
// graph computes there: reading them back from the GPU in the middle of a kernel gives zeros. Those have
// one element for each dimension, 6 at most. The flag is read when the backend is imported.
const TFJS_FLAGS = '?tfjsflags=WEBGPU_CPU_HANDOFF_SIZE_THRESHOLD:7';
const ENGINES: Record<string, () => Promise<PageEngine>> = {
  tfjs: async () => {
    history.replaceState(null, '', TFJS_FLAGS);
    return new (await import('./page_tfjs')).TfjsPage();
  },
  ort: async () => new (await import('./page_ort')).OrtPage(),
  litert: async () => new (await import('./page_litert')).LitertPage(),
};

async function answer({header, tensors}: Frame): Promise<Frame> {
  switch (header['kind']) {
    case 'start':
      await start(header['engine'] as string, header['backend'] as string, header['threads'] as number);
      return reply();
    case 'open': {
      const begin = performance.now();
      await started().open(header['entry'] as string, new Map(tensors.map(file => [file.name, file.data])));
      return {header: {...reply().header, ms: performance.now() - begin}, tensors: []};
    }
    case 'run': {
      const before = {...counted};
      const begin = performance.now();
      const results = await started().run(
        tensors, header['outputs'] as string[], header['signature'] as string | null);
      const ms = performance.now() - begin;
      const [wrong] = takeGpuErrors();
      if (wrong !== undefined) throw new Error(`WebGPU refused a command, and results are not computed: ${wrong}`);
      const ran = {ms, draws: counted.draws - before.draws, dispatches: counted.dispatches - before.dispatches};
      return {header: {...reply().header, ...ran}, tensors: results};
    }
    case 'close':
      await engine?.close();
      return reply();
    case 'echo':
      return {header: {ok: true}, tensors};
    case 'switch':
      next = {realm: header['realm'] as string, alone: header['alone'] as boolean};
      return reply();
    default:
      throw new Error(`unknown job ${String(header['kind'])}`);
  }
}

async function start(name: string, backend: string, threads: number): Promise<void> {
  if (!crossOriginIsolated && threads > 1) {
    throw new Error('the page is not isolated: every engine would run on one thread, in silence');
  }
  const make = ENGINES[name];
  if (make === undefined) throw new Error(`unknown engine ${name}`);
  engine = await make();
  threadsWanted = threads;
  await engine.start(backend, threads);
}

function started(): PageEngine {
  if (engine === null) throw new Error('no engine is started');
  return engine;
}

function reply(): Frame {
  return {header: {ok: true, ...engine?.describe(), ...facts()}, tensors: []};
}

function facts(): Record<string, unknown> {
  const {info} = adapter ?? {};
  const card = info && {vendor: info.vendor, architecture: info.architecture, device: info.device,
    description: info.description, fallback: info.isFallbackAdapter};
  return {agent: navigator.userAgent, isolated: crossOriginIsolated,
    shared_memory: typeof SharedArrayBuffer !== 'undefined',
    threads_wanted: threadsWanted, workers: counted.workers,
    wasm: wasmBinaries, adapter: card ?? null};
}

async function answerOrFail(frame: Frame): Promise<Frame> {
  try {
    return await answer(frame);
  } catch (error) {
    return {header: {ok: false, error: textOf(error), console: takeConsole().slice(-20)}, tensors: []};
  }
}

/** Engines throw numbers, records, and the event of a script that did not load as well. */
function textOf(error: unknown): string {
  if (error instanceof Error) return `${error.name}: ${error.message}`;
  if (error instanceof Event && error.target instanceof HTMLScriptElement) {
    return `${new URL(error.target.src).pathname.split('/').pop()} did not load`;
  }
  return (error as {message?: string} | null)?.message ?? String(error);
}

async function decode(buffer: ArrayBuffer): Promise<Frame> {
  let at = 0;
  const frame = await decodeFrame(async size => {
    at += size;
    return at > buffer.byteLength ? null : new Uint8Array(buffer, at - size, size);
  });
  if (frame === null) throw new Error('the server sent an empty job');
  return frame;
}

/** Answers jobs, one after the other, until one of them is for another realm. */
async function serve(): Promise<Switch | null> {
  for (next = null; next === null;) {
    const job = await fetch('job', {cache: 'no-store'});
    if (job.status === 204) continue;
    if (!job.ok) return null;
    const pieces = encodeFrame(await answerOrFail(await decode(await job.arrayBuffer())));
    await fetch('result', {method: 'POST', body: new Blob(pieces as BlobPart[])});
  }
  return next;
}

collectEvidence();
window.serve = serve;
