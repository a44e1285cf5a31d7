// Frames between Python and this side, the same over a pipe and over HTTP.
//
//   4 bytes  length of the header, unsigned, little endian
//   header   JSON in UTF-8: {..., "tensors": [{"name", "dtype", "shape", "bytes"}, ...]}
//   bodies   each tensor's bytes, in the header's order
//
// Numbers are little endian, complex64 is real and imaginary part in turn, bool is one byte, a
// string is 4 bytes of length and then its own bytes. Numbers never pass through text or
// through a JavaScript number, so that NaN payloads, -0 and denormals arrive as they were sent.

export type DType = 'float32' | 'int32' | 'bool' | 'complex64' | 'string'  // all that TF.js has
  | 'float16' | 'float64' | 'int8' | 'int16' | 'int64' | 'uint8' | 'uint16' | 'uint32' | 'uint64';

export interface TensorHeader {
  name: string;
  dtype: DType;
  shape: number[];
  bytes: number;
}

export interface Header {
  [key: string]: unknown;
  tensors: TensorHeader[];
}

export interface WireTensor {
  name: string;
  dtype: DType;
  shape: number[];
  data: Uint8Array;
}

export interface Frame {
  header: Record<string, unknown>;
  tensors: WireTensor[];
}

/** The pieces of a frame, to be written one after the other. */
export function encodeFrame(frame: Frame): Uint8Array[] {
  const tensors = frame.tensors.map(
    ({name, dtype, shape, data}) => ({name, dtype, shape, bytes: data.byteLength}));
  const header = new TextEncoder().encode(JSON.stringify({...frame.header, tensors}));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, header.byteLength, true);
  return [length, header, ...frame.tensors.map(tensor => tensor.data)];
}

/**
 * Reads one frame.
 *
 * @param read gives exactly so many bytes, at an offset of its own buffer that may be any; null at
 *     the end of the stream.
 * @returns null when the stream ends before the frame begins.
 */
export async function decodeFrame(
    read: (bytes: number) => Promise<Uint8Array | null>): Promise<Frame | null> {
  const prefix = await read(4);
  if (prefix === null) return null;
  const length = new DataView(prefix.buffer, prefix.byteOffset, 4).getUint32(0, true);
  const text = await readAll(read, length);
  const {tensors, ...header} = JSON.parse(new TextDecoder().decode(text)) as Header;
  const bodies: WireTensor[] = [];
  for (const {name, dtype, shape, bytes} of tensors) {
    bodies.push({name, dtype, shape, data: await readAll(read, bytes)});
  }
  return {header, tensors: bodies};
}

async function readAll(
    read: (bytes: number) => Promise<Uint8Array | null>, bytes: number): Promise<Uint8Array> {
  const data = bytes === 0 ? new Uint8Array(0) : await read(bytes);
  if (data === null) throw new Error('the stream ended inside a frame');
  return data;
}

/** The byte strings of a string tensor's body. */
export function decodeStrings(body: Uint8Array): Uint8Array[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const found: Uint8Array[] = [];
  for (let at = 0; at < body.byteLength;) {
    const length = view.getUint32(at, true);
    found.push(body.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

/** The inverse of `decodeStrings`. */
export function encodeStrings(strings: Uint8Array[]): Uint8Array {
  const body = new Uint8Array(strings.reduce((sum, text) => sum + 4 + text.byteLength, 0));
  const view = new DataView(body.buffer);
  let at = 0;
  for (const text of strings) {
    view.setUint32(at, text.byteLength, true);
    body.set(text, at + 4);
    at += 4 + text.byteLength;
  }
  return body;
}
