import { describe, expect, it } from 'vitest'
import { decodeEmbedding } from './embedding'
import { fromHalves } from './halves'

function container(header: object, payload: Uint8Array, version = 1): ArrayBuffer {
  const text = new TextEncoder().encode(JSON.stringify(header))
  const out = new Uint8Array(12 + text.length + payload.length)
  out.set(new TextEncoder().encode('CUTE'))
  out[4] = version
  new DataView(out.buffer).setUint32(8, text.length, true)
  out.set(text, 12)
  out.set(payload, 12 + text.length)
  return out.buffer
}

const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x3555)
const header = { codec: 'fp16', tensors: [{ name: 'a', shape: [1, 2], bytes: 4 }, { name: 'bc', shape: [4], bytes: 8 }] }

describe('embedding', () => {
  it('reads halves exactly', () => {
    expect([...fromHalves(halves)]).toEqual([1, -2, 2 ** -24, 65504, -0, Math.fround(0x555 / 4096)])
  })

  it('reads every tensor, at odd offsets too', () => {
    for (const extra of ['', 'x']) {
      const tensors = decodeEmbedding(container({ ...header, extra }, new Uint8Array(halves.buffer)))
      expect(tensors.map(({ name, shape, data }) => [name, shape, [...data].slice(0, 2)])).toEqual([
        ['a', [1, 2], [1, -2]],
        ['bc', [4], [2 ** -24, 65504]],
      ])
    }
  })

  it.each([
    ['foreign', new ArrayBuffer(64)],
    ['newer', container(header, new Uint8Array(halves.buffer), 2)],
    ['truncated', container(header, new Uint8Array(halves.buffer).slice(0, 8))],
    ['of another codec', container({ ...header, codec: 'range' }, new Uint8Array(halves.buffer))],
    ['empty', new ArrayBuffer(0)],
  ])('refuses a container that is %s', (_, bytes) => {
    expect(() => decodeEmbedding(bytes)).toThrow(expect.objectContaining({ code: 'embedding_unreadable' }) as Error)
  })
})
