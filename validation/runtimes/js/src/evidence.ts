// What really ran, counted where the browser's own functions are called: no library has to be believed.
//
// Imported before the engines, which take these functions when they start.

/** Counted since the page was loaded. */
export const counted = {draws: 0, dispatches: 0, workers: 0};

/** The last WebGPU adapter that was handed out; null when nobody got one. */
export let adapter: GPUAdapter | null = null;

/** Bytes of each WebAssembly binary that was compiled, in order. */
export const wasmBinaries: string[] = [];

/** What WebGPU found wrong with its commands, and skipped: engines go on, with zeros for results. */
const gpuErrors: string[] = [];

/** Takes and forgets the errors of WebGPU since the last call. */
export function takeGpuErrors(): string[] {
  return gpuErrors.splice(0);
}

const lines: string[] = [];
const KEPT_LINES = 400;

/** Takes and forgets what was printed since the last call. */
export function takeConsole(): string[] {
  return lines.splice(0);
}

export function collectEvidence(): void {
  collectConsole();
  countWebgl();
  countWebgpu();
  countWorkers();
  watchWasm();
}

function collectConsole(): void {
  for (const level of ['log', 'info', 'debug', 'warn', 'error'] as const) {
    const original = console[level].bind(console);
    console[level] = (...items: unknown[]) => {
      lines.push(items.map(String).join(' '));
      if (lines.length > KEPT_LINES) lines.shift();
      original(...items);
    };
  }
}

function countWebgl(): void {
  if (typeof WebGL2RenderingContext === 'undefined') return;
  const methods = WebGL2RenderingContext.prototype;
  const {drawElements, drawArrays} = methods;
  methods.drawElements = function(...args) {
    counted.draws++;
    return drawElements.apply(this, args);
  };
  methods.drawArrays = function(...args) {
    counted.draws++;
    return drawArrays.apply(this, args);
  };
}

function countWebgpu(): void {
  // WebKitGTK 2.50 has the encoder's name and no GPU.
  if (typeof GPU === 'undefined' || typeof GPUComputePassEncoder === 'undefined') return;
  const pass = GPUComputePassEncoder.prototype;
  const {dispatchWorkgroups, dispatchWorkgroupsIndirect} = pass;
  pass.dispatchWorkgroups = function(...args) {
    counted.dispatches++;
    return dispatchWorkgroups.apply(this, args);
  };
  pass.dispatchWorkgroupsIndirect = function(...args) {
    counted.dispatches++;
    return dispatchWorkgroupsIndirect.apply(this, args);
  };
  const {requestAdapter} = GPU.prototype;
  GPU.prototype.requestAdapter = async function(...args) {
    adapter = await requestAdapter.apply(this, args);
    return adapter;
  };
  const {requestDevice} = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function(...args) {
    const device = await requestDevice.apply(this, args);
    device.addEventListener('uncapturederror', event => gpuErrors.push(event.error.message));
    return device;
  };
}

function countWorkers(): void {
  globalThis.Worker = new Proxy(globalThis.Worker, {
    construct(target, args: ConstructorParameters<typeof Worker>) {
      counted.workers++;
      return new target(...args);
    },
  });
}

/** Binaries by the names under which they were fetched. */
function watchWasm(): void {
  const {fetch} = globalThis;
  globalThis.fetch = async (...args: Parameters<typeof fetch>) => {
    const response = await fetch(...args);
    const file = new URL(response.url).pathname.split('/').pop() ?? '';
    if (file.endsWith('.wasm')) wasmBinaries.push(file);
    return response;
  };
}
