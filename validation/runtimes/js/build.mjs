// Bundles src/ into dist/, with the wasm binaries and the licences beside it: `node build.mjs [directory]`.
// Same lock file, same bytes: nothing of the machine, the path or the time goes in.
import {createHash} from 'node:crypto';
import {copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {basename, dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const whole = resolve(process.argv[2] ?? join(here, 'dist'));
// Put in place by one rename: a build that fails leaves the earlier one, and running sessions go on.
const out = `${whole}.new`;
const modules = join(here, 'node_modules');
// Only what is loaded: each engine has further builds, of 10 to 28 MB.
const copied = [
  '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.wasm',
  '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm',
  '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.wasm',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.mjs',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.mjs',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm',
  // WebKit has no threads, and in 2.50 no relaxed SIMD either: "compat".
  ...['compat_', '', 'threaded_'].flatMap(kind => ['js', 'wasm'].map(
    end => `@litertjs/core/wasm/litert_wasm_${kind}internal.${end}`)),
];
const litert = JSON.parse(readFileSync(join(modules, '@litertjs/core/package.json'), 'utf8'));

const common = {
  absWorkingDir: here,
  bundle: true,
  // The ES modules of tfjs; its "main" files would bring tfjs-core in twice.
  mainFields: ['module', 'main'],
  minify: true,
  legalComments: 'external',
  charset: 'utf8',
  logLevel: 'warning',
};

/** Hash of all that goes in, as hatch_build.py computes it: a wheel with stale programs is not packed. */
function sourcesSha256() {
  const files = ['build.mjs', 'package-lock.json', 'package.json'];
  files.push(...readdirSync(join(here, 'src'), {withFileTypes: true})
    .filter(entry => entry.isFile()).map(entry => `src/${entry.name}`));
  const digest = createHash('sha256');
  for (const file of files.sort()) {
    digest.update(`${file}\n`).update(createHash('sha256').update(readFileSync(join(here, file))).digest());
  }
  return digest.digest('hex');
}

const sources = sourcesSha256();  // before the build: what is edited while it runs isn't in it
rmSync(out, {recursive: true, force: true});
mkdirSync(out, {recursive: true});
await build({
  ...common,
  entryPoints: ['src/node.ts'],
  outfile: join(out, 'node.cjs'),
  platform: 'node',
  target: 'node20',
  // A kernel's class name is part of some error messages.
  keepNames: true,
  // CommonJS, since Emscripten's loaders inside tfjs-backend-wasm call require() and read __dirname.
  format: 'cjs',
});
await build({
  ...common,
  entryPoints: ['src/page.ts', 'src/realm.ts'],
  outdir: out,
  platform: 'browser',
  target: 'es2022',
  format: 'esm',
  // Not keepNames: tfjs-backend-wasm starts its threads from the text of a function, in which calls
  // of esbuild's helper would find nothing. They would be waited for without end.
  // Each engine is a file of its own, which the page loads when it is asked for that engine.
  splitting: true,
  chunkNames: 'realm-[hash]',
  // ONNX Runtime's JavaScript without a copy of its wasm loader, which lies beside it.
  conditions: ['onnxruntime-web-use-extern-wasm'],
  // Emscripten's code for Node, never reached in a page.
  external: ['fs', 'path', 'worker_threads', 'perf_hooks', 'os', 'crypto', 'module'],
  define: {LITERT_VERSION: JSON.stringify(litert.version)},
});
for (const file of copied) copyFileSync(join(modules, file), join(out, basename(file)));
for (const file of ['page.html', 'realm.html']) copyFileSync(join(here, 'src', file), join(out, file));
writeFileSync(join(out, 'sources.sha256'), `${sources}\n`);
rmSync(whole, {recursive: true, force: true});
renameSync(out, whole);
