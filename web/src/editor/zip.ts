/** A ZIP without compression: the results are compressed pictures already. */
import { crc32 } from './render/png'

export interface ZipEntry {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

const UTF8_NAMES = 0x0800
const VERSION = 20

/** Raises RangeError beyond 4 GB, where this format would need its 64-bit form. */
export function zip(entries: readonly ZipEntry[]): Blob {
  const parts: Uint8Array<ArrayBuffer>[] = []
  const directory: Uint8Array<ArrayBuffer>[] = []
  let offset = 0
  for (const entry of entries) {
    const name = new TextEncoder().encode(entry.name)
    const common = fields(entry.bytes, name)
    const local = record(0x04034b50, [[VERSION, 2], ...common, [0, 2]], name)
    directory.push(record(0x02014b50, [[VERSION, 2], [VERSION, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]], name))
    parts.push(local, entry.bytes)
    offset += local.length + entry.bytes.length
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0)
  if (offset + size > 0xffffffff) throw new RangeError('the results are larger than 4 GB together')
  const count = entries.length
  const end = record(0x06054b50, [[0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [offset, 4], [0, 2]])
  return new Blob([...parts, ...directory, end], { type: 'application/zip' })
}

type Field = readonly [value: number, bytes: 2 | 4]

function fields(bytes: Uint8Array, name: Uint8Array): Field[] {
  const dos = 0x21 // 1980-01-01: a real date would make two equal downloads differ
  return [[UTF8_NAMES, 2], [0, 2], [0, 2], [dos, 2], [crc32(bytes), 4], [bytes.length, 4], [bytes.length, 4], [name.length, 2]]
}

function record(signature: number, values: readonly Field[], tail: Uint8Array = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const head = 4 + values.reduce((sum, [, bytes]) => sum + bytes, 0)
  const out = new Uint8Array(head + tail.length)
  const view = new DataView(out.buffer)
  view.setUint32(0, signature, true)
  let at = 4
  for (const [value, bytes] of values) {
    if (bytes === 2) view.setUint16(at, value, true)
    else view.setUint32(at, value, true)
    at += bytes
  }
  out.set(tail, head)
  return out
}
