import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Size } from '../geometry/spaces'
import { localChange } from './obey'
import { deepestPoints } from './regions'

type Circle = [number, number, number]

interface Case {
  what: string
  size: [number, number]
  keep: boolean
  before: Circle[]
  after: Circle[]
  at: Circle
  pixels: number
  sha256: string
}

/** The same cases that Python is held to (tests/golden/obeying.py says how discs become logits). */
const { cases } = JSON.parse(readFileSync(new URL('../../../../tests/golden/obeying.json', import.meta.url), 'utf8')) as { cases: Case[] }

function discs({ width, height }: Size, circles: Circle[]): Float32Array {
  return Float32Array.from({ length: width * height }, (_, i) => {
    const far = circles.map(([cx, cy, radius]) => radius - Math.hypot((i % width) + 0.5 - cx, Math.floor(i / width) + 0.5 - cy))
    return Math.min(10, Math.max(-10, ...far))
  })
}

it.each(cases)('$what', ({ size: [width, height], keep, before, after, at, pixels, sha256 }) => {
  const size = { width, height }
  const was = discs(size, before)
  const marked = discs(size, [at])
  const wrong = Uint8Array.from(marked, (logit, i) => (logit > 0 && (was[i] ?? 0) > 0 !== keep ? 1 : 0))
  const found = Uint8Array.from(localChange(was, discs(size, after), wrong, keep, size), (logit) => (logit > 0 ? 1 : 0))
  expect(found.reduce((sum, inside) => sum + inside, 0)).toBe(pixels)
  expect(createHash('sha256').update(found).digest('hex')).toBe(sha256)
})

it('spreads points that are deep and far from each other', () => {
  const size = { width: 100, height: 60 }
  const bar = Uint8Array.from({ length: 6000 }, (_, i) => (i % 100 >= 10 && i % 100 < 90 && i >= 2000 && i < 4000 ? 1 : 0))
  expect(deepestPoints(bar, size, 3)).toHaveLength(3)
  expect(deepestPoints(new Uint8Array(6000), size, 3)).toHaveLength(0)
})
