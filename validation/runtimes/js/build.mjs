// Bundles src/ into dist/, with the wasm binaries and the licences beside it: `node build.mjs [directory]`.
// Same lock file, same bytes: nothing of the machine, the path or the time goes in.
import {copyFileSync, mkdirSync, rmSync} from 'node:fs';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, 'dist'));
const wasmFolder = join(here, 'node_modules/@tensorflow/tfjs-backend-wasm/wasm-out');
const wasmFiles = [
  'tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm',
];

rmSync(out, {recursive: true, force: true});
mkdirSync(out, {recursive: true});
await build({
  absWorkingDir: here,
  entryPoints: ['src/node.ts'],
  outfile: join(out, 'node.cjs'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  // CommonJS, since Emscripten's loaders inside tfjs-backend-wasm call require() and read __dirname.
  format: 'cjs',
  // The ES modules of tfjs; its "main" files would bring tfjs-core in twice.
  mainFields: ['module', 'main'],
  minify: true,
  // A kernel's class name is part of some error messages.
  keepNames: true,
  legalComments: 'external',
  charset: 'utf8',
  logLevel: 'warning',
});
for (const file of wasmFiles) copyFileSync(join(wasmFolder, file), join(out, file));
