import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { MASK_SIDE } from '../geometry/frame'
import type { Size } from '../geometry/spaces'
import { meant } from './choose'
import { discs, type Circle } from './discs'
import { framed } from './masks'
import { localChange } from './obey'
import { deepestPoints } from './regions'

interface Case {
  what: string
  size: [number, number]
  keep: boolean
  before: Circle[]
  at: Circle
  pixels: number
  sha256: string
}

interface Golden {
  cases: (Case & { after: Circle[] })[]
  meant: (Case & { answers: Circle[][]; iou: number[]; local: boolean })[]
}

/** The same cases that Python is held to (tests/golden/obeying.py says how discs become logits). */
const golden = JSON.parse(readFileSync(new URL('../../../../tests/golden/obeying.json', import.meta.url), 'utf8')) as Golden

/** The mask before, and the mark's pixels that are not as it asks. */
function inputs({ size: [width, height], keep, before, at }: Case): { size: Size; was: Float32Array; wrong: Uint8Array } {
  const size = { width, height }
  const was = discs(size, before)
  const wrong = Uint8Array.from(discs(size, [at]), (logit, i) => (logit > 0 && (was[i] ?? 0) > 0 !== keep ? 1 : 0))
  return { size, was, wrong }
}

function expectGolden(logits: Float32Array, { pixels, sha256 }: Case): void {
  const found = Uint8Array.from(logits, (logit) => (logit > 0 ? 1 : 0))
  expect(found.reduce((sum, inside) => sum + inside, 0)).toBe(pixels)
  expect(createHash('sha256').update(found).digest('hex')).toBe(sha256)
}

it.each(golden.cases)('$what', (wanted) => {
  const { size, was, wrong } = inputs(wanted)
  expectGolden(localChange(was, discs(size, wanted.after), wrong, wanted.keep, size), wanted)
})

it.each(golden.meant)('$what', (wanted) => {
  const { size, was, wrong } = inputs(wanted)
  const logits = new Float32Array(4 * MASK_SIDE * MASK_SIDE)
  wanted.answers.forEach((answer, i) => logits.set(framed(discs(size, answer), size), i * MASK_SIDE * MASK_SIDE))
  const asked = [{ was: Uint8Array.from(was, (logit) => (logit > 0 ? 1 : 0)), at: wrong, keep: wanted.keep }]
  expectGolden(meant({ logits, iou: Float32Array.from(wanted.iou) }, was, asked, size, wanted.local), wanted)
})

it('spreads points that are deep and far from each other', () => {
  const size = { width: 100, height: 60 }
  const bar = Uint8Array.from({ length: 6000 }, (_, i) => (i % 100 >= 10 && i % 100 < 90 && i >= 2000 && i < 4000 ? 1 : 0))
  expect(deepestPoints(bar, size, 3)).toHaveLength(3)
  expect(deepestPoints(new Uint8Array(6000), size, 3)).toHaveLength(0)
})
