import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { compiled } from '../../../scripts/assembly.mjs'

it('is what assembly/unpack.ts compiles to', async () => {
  const kept = readFileSync(new URL('unpack.wasm.ts', import.meta.url), 'utf8')
  expect(kept).toBe(await compiled())
}, 60_000)
