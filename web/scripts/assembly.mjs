// Compiles assembly/*.ts to WASM, kept in the source tree as text so that neither a build nor a test needs this step first:
// src/inference/codec/unpack.test.ts holds the text to what the source compiles to.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const WEB = new URL('..', import.meta.url)
const MODULE = 'src/inference/codec/unpack.wasm.ts'

/** The TypeScript module that carries the compiled one. */
export async function compiled() {
  let binary
  const { error, stderr } = await asc.main(
    ['assembly/unpack.ts', '--outFile', 'unpack.wasm', '-O3', '--runtime', 'stub', '--enable', 'simd', '--noAssert'],
    { baseDir: fileURLToPath(WEB), writeFile: (_name, contents) => void (binary = contents) },
  )
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`)
  const lines = Buffer.from(binary).toString('base64').match(/.{1,120}/g).map((line) => `  '${line}',`)
  return ['// assembly/unpack.ts, compiled by `npm run assembly`.', 'export default [', ...lines, "].join('')", ''].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(new URL(MODULE, WEB), await compiled())
