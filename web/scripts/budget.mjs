// Fails the build when what a first visit loads has grown past its budget. Compressed sizes: compress.mjs has run before.
import { readdirSync, statSync } from 'node:fs'

const assets = 'dist/assets'
const packed = readdirSync(assets).filter((name) => name.endsWith('.br'))

const BUDGETS = [
  { what: 'our own JavaScript', files: /^(index|worker|preview\.worker)-.*\.js\.br$/, atLeast: 3, bytes: 300_000 },
  { what: 'the WASM runtime', files: /^ort(-wasm-simd-threaded-|\.wasm\.)/, atLeast: 3, bytes: 6_800_000 },
  { what: 'the WebGPU runtime', files: /^ort(-wasm-simd-threaded\.asyncify-|\.webgpu\.)/, atLeast: 3, bytes: 6_800_000 },
]

for (const { what, files, atLeast, bytes } of BUDGETS) {
  const found = packed.filter((name) => files.test(name))
  if (found.length < atLeast) throw new Error(`${what}: only ${found.join(', ') || 'nothing'} in ${assets}; has the build been renamed?`)
  const total = found.reduce((sum, name) => sum + statSync(`${assets}/${name}`).size, 0)
  console.log(`${what}: ${total} of ${bytes} bytes`)
  if (total > bytes) throw new Error(`${what} is ${total - bytes} bytes over its budget`)
}
