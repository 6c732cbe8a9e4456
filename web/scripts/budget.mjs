// Fails the build when what a first visit loads has grown past its budget. Compressed sizes: compress.mjs has run before.
import { readdirSync, readFileSync, statSync } from 'node:fs'

const assets = 'dist/assets'
const packed = readdirSync(assets).filter((name) => name.endsWith('.br'))

/** The scripts that a page's HTML names. */
function scriptsOf(page) {
  const names = [...readFileSync(`dist/${page}`, 'utf8').matchAll(/assets\/([\w.-]+\.js)"/g)].map(([, name]) => `${name}.br`)
  return packed.filter((name) => names.includes(name))
}

const matching = (pattern) => packed.filter((name) => pattern.test(name))

const BUDGETS = [
  { what: 'the editor', files: [...scriptsOf('index.html'), ...matching(/^(worker|preview\.worker)-.*\.js\.br$/)], atLeast: 4, bytes: 300_000 },
  { what: 'the sign-in page', files: scriptsOf('sign-in.html'), atLeast: 2, bytes: 80_000 },
  { what: 'the account page', files: scriptsOf('account.html'), atLeast: 2, bytes: 90_000 },
  { what: 'the documentation', files: scriptsOf('docs.html'), atLeast: 1, bytes: 450_000 },
  { what: 'the WASM runtime', files: matching(/^ort(-wasm-simd-threaded-|\.wasm\.)/), atLeast: 3, bytes: 6_800_000 },
  { what: 'the WebGPU runtime', files: matching(/^ort(-wasm-simd-threaded\.asyncify-|\.webgpu\.)/), atLeast: 3, bytes: 6_800_000 },
]

for (const { what, files, atLeast, bytes } of BUDGETS) {
  if (files.length < atLeast) throw new Error(`${what}: only ${files.join(', ') || 'nothing'} in ${assets}; has the build been renamed?`)
  const total = files.reduce((sum, name) => sum + statSync(`${assets}/${name}`).size, 0)
  console.log(`${what}: ${total} of ${bytes} bytes`)
  if (total > bytes) throw new Error(`${what} is ${total - bytes} bytes over its budget`)
}
