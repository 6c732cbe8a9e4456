import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeEmbedding } from '../embedding'
import { parseBasis } from './basis'

const file = (name: string): ArrayBuffer => {
  const bytes = readFileSync(new URL(`../../../../tests/golden/packing/${name}`, import.meta.url))
  return new Uint8Array(bytes).buffer
}

/** What Python packed and unpacks to (tests/golden/packing.py). */
const expected = JSON.parse(new TextDecoder().decode(file('expected.json'))) as Record<string, number[]>
const basis = parseBasis(file('basis.bin'))

describe('the small form of an embedding', () => {
  it.each(Object.entries(expected))('unpacks %s as Python does', (name, values) => {
    const [tensor] = decodeEmbedding(file(`${name}.bin`), basis)
    expect(tensor?.name).toBe('image_embed')
    expect(tensor?.shape).toEqual([1, 8, 8, 8])
    const furthest = values.reduce((most, value, i) => Math.max(most, Math.abs(value - (tensor?.data[i] ?? NaN))), 0)
    expect(furthest).toBeLessThan(1e-5)
  })

  it('ends damaged bytes in an error or an embedding', () => {
    const whole = new Uint8Array(file('wide.bin'))
    let state = 1
    const random = (below: number): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below
    for (let i = 0; i < 300; i++) {
      const broken = whole.slice()
      const at = random(broken.length)
      broken[at] = (broken[at] ?? 0) ^ (1 + random(255))
      try {
        expect(decodeEmbedding(broken.buffer, basis)[0]?.data).toHaveLength(512)
      } catch (error) {
        expect(error).toMatchObject({ code: 'embedding_unreadable' })
      }
    }
  })

  it.each([
    ['another basis', () => decodeEmbedding(file('wide.bin'), { ...basis, id: 'another' })],
    ['no basis', () => decodeEmbedding(file('wide.bin'))],
    ['too few bytes', () => decodeEmbedding(file('wide.bin').slice(0, -9), basis)],
    ['a basis cut short', () => parseBasis(file('basis.bin').slice(0, -1))],
    ['an embedding as a basis', () => parseBasis(file('wide.bin'))],
  ])('refuses %s', (_, read) => {
    expect(read).toThrow(expect.objectContaining({ code: 'embedding_unreadable' }) as Error)
  })
})
