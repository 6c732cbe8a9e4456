import { readFileSync } from 'node:fs'
import { inflateSync } from 'node:zlib'
import { expect, it } from 'vitest'
import type { Size } from '../geometry/spaces'
import { guideOf, upsample } from './upsample'

interface Case {
  readonly image: readonly [number, number]
  readonly mask: readonly [number, number]
  readonly matte: string
}

/** The mattes that Python is held to; tests/golden/edges.py says how picture and mask follow from whole numbers. */
const cases = JSON.parse(readFileSync(new URL('../../../../tests/golden/edges.json', import.meta.url), 'utf8')) as Record<string, Case>

function isSpeck(x: number, y: number, { width, height }: Size): boolean {
  const side = Math.max(2, Math.floor(width / 190))
  const [across, down] = [x - Math.floor(width / 8), y - Math.floor(height / 8)]
  return across >= 0 && across < side && down >= 0 && down < side
}

function pixelsOf({ width, height }: Size): Uint8ClampedArray {
  const out = new Uint8ClampedArray(width * height * 4).fill(255)
  const radius = Math.floor(Math.min(width, height) / 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const disc = (2 * x - width) ** 2 + (2 * y - height) ** 2 < 4 * radius ** 2
      const strap = Math.abs(2 * x - width) < Math.floor(width / 40) && y > Math.floor(height / 8)
      const front = [190 + ((x * 7 + y * 13) % 23), 80 + ((x * 5 + y * 3) % 17), 60 + ((x + y) % 11)]
      const back = [70 + ((x * 3 + y * 11) % 19), 100 + ((x * 2 + y) % 29), 120 + ((x * 5 + y * 7) % 13)]
      out.set(disc || strap || isSpeck(x, y, { width, height }) ? front : back, (y * width + x) * 4)
    }
  }
  return out
}

function valuesOf({ width, height }: Size): Uint8Array {
  return Uint8Array.from({ length: width * height }, (_, i) => {
    if (isSpeck(i % width, Math.floor(i / width), { width, height })) return 255
    const far = Math.sqrt(((i % width) + 0.5 - width / 2) ** 2 + (Math.floor(i / width) + 0.5 - height / 2) ** 2)
    return Math.min(255, Math.max(0, Math.floor(128 + ((Math.min(width, height) / 3 - 4 - far) * 255) / 24)))
  })
}

it.each(Object.entries(cases))('the %s edge is the one that Apply draws', (_, { image, mask, matte }) => {
  const size = { width: image[0], height: image[1] }
  const from = { width: mask[0], height: mask[1] }
  const ours = upsample(valuesOf(from), guideOf(pixelsOf(size), size, from))
  const theirs = inflateSync(Buffer.from(matte, 'base64'))
  const apart = Uint8Array.from(ours, (value, i) => Math.abs(value - (theirs[i] ?? 0)))
  const far = apart.reduce((count, value) => count + +(value > 2), 0)
  // float32 there, doubles here: a value that settles on the other side of 1/255 moves its neighbours a little.
  expect(far / apart.filter((_, i) => (theirs[i] ?? 0) % 255 > 0).length).toBeLessThan(0.002)
  expect(apart.reduce((most, value) => Math.max(most, value), 0)).toBeLessThan(64)
}, 60_000) // 0.3 s on a quiet machine
