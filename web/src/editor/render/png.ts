/** An 8-bit grey PNG: the mask that Apply sends, and that a decoder made it (app/segmentation/maskio.py). Canvas can only write RGBA. */
import type { Size } from '../geometry/spaces'

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
const DECODED = 'Cutout-Mask\0decoded'
const UP = 2 // filter "up": rows of a mask resemble the row above

export async function greyPng(values: Uint8Array, size: Size): Promise<Blob> {
  const header = new DataView(new ArrayBuffer(13))
  header.setUint32(0, size.width)
  header.setUint32(4, size.height)
  header.setUint8(8, 8) // bits; the rest is 0: grey, deflate, no interlace
  const data = await deflate(filtered(values, size))
  const said = new TextEncoder().encode(DECODED)
  const parts = [SIGNATURE, chunk('IHDR', new Uint8Array(header.buffer)), chunk('tEXt', said), chunk('IDAT', data), chunk('IEND', new Uint8Array())]
  return new Blob(parts, { type: 'image/png' })
}

function filtered(values: Uint8Array, { width, height }: Size): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(height * (width + 1))
  for (let y = 0; y < height; y++) {
    const start = y * (width + 1)
    out[start] = UP
    for (let x = 0; x < width; x++) {
      const above = y === 0 ? 0 : (values[(y - 1) * width + x] ?? 0)
      out[start + 1 + x] = (values[y * width + x] ?? 0) - above
    }
  }
  return out
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate')) // zlib's format, as PNG wants
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

function chunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(data.length + 12)
  const view = new DataView(out.buffer)
  view.setUint32(0, data.length)
  out.set(new TextEncoder().encode(type), 4)
  out.set(data, 8)
  view.setUint32(data.length + 8, crc32(out.subarray(4, data.length + 8)))
  return out
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (CRC[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
