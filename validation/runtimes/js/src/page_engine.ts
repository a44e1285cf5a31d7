// What the page asks of an engine. One engine, on one backend, lives in one load of the page.

import type {WireTensor} from './wire';

/** Files of a model by their paths in its directory. */
export type Files = Map<string, Uint8Array>;

export interface PageEngine {
  /** Starts a backend, or throws where the engine would take another one. */
  start(backend: string, threads: number): Promise<void>;
  /** Opens a model in place of the last one. */
  open(entry: string, files: Files): Promise<void>;
  /** One batch; a result for each of `outputs`, names in the file, in this order. */
  run(inputs: WireTensor[], outputs: string[], signature: string | null): Promise<WireTensor[]>;
  /** Frees the model. */
  close(): Promise<void>;
  /** What runs: JSON values for the report. */
  describe(): Record<string, unknown>;
}

/** The bytes in a buffer of their own: a typed array has to begin at a multiple of its element's size. */
export function alone(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data);
}

/** The bytes of a typed array. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export function fileOf(files: Files, path: string): Uint8Array {
  const found = files.get(path);
  if (found === undefined) throw new Error(`the model has no file ${path}`);
  return found;
}
