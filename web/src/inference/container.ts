/** The container of embeddings and codec bases (app/segmentation/container.py, version 1). */
import { Fault } from './errors'

const MAGIC = 'CUTE'
const VERSION = 1
const PREFIX = 12

export const unreadable = (why: string): Fault => new Fault('embedding_unreadable', `the embedding cannot be read: ${why}`)

/** Takes a payload apart, front to back. */
export class Payload {
  constructor(
    private readonly container: ArrayBuffer,
    private at: number,
  ) {}

  /** The next `count` bytes, copied: their place in the container may be odd. */
  take(count: number): ArrayBuffer {
    const end = this.at + count
    if (!(count >= 0) || end > this.container.byteLength) throw unreadable('truncated')
    const part = this.container.slice(this.at, end)
    this.at = end
    return part
  }
}

/** Raises embedding_unreadable: foreign, damaged, or written by a newer server than this page. */
export function openContainer(container: ArrayBuffer): { header: unknown; payload: Payload } {
  if (container.byteLength < PREFIX) throw unreadable('truncated')
  const view = new DataView(container)
  const magic = new TextDecoder().decode(new Uint8Array(container, 0, 4))
  if (magic !== MAGIC || view.getUint8(4) !== VERSION) throw unreadable(`not an embedding of version ${VERSION}`)
  const length = view.getUint32(8, true)
  if (PREFIX + length > container.byteLength) throw unreadable('truncated')
  try {
    const header: unknown = JSON.parse(new TextDecoder().decode(new Uint8Array(container, PREFIX, length)))
    return { header, payload: new Payload(container, PREFIX + length) }
  } catch {
    throw unreadable('damaged header')
  }
}
