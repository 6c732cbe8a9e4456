import 'fake-indexeddb/auto'
import { expect, it, vi } from 'vitest'
import type { CutoutApi } from '../api/client'
import { InferenceHost } from '../inference/host'
import type { ModelManifest } from '../inference/manifest'
import { Fault } from '../inference/errors'
import type { Decoded } from '../inference/protocol'
import { whole } from './decode/layers'
import { DocumentStore } from './document/persistence'
import { frameOf } from './geometry/frame'
import type { Preview } from './render/preview'
import type { Rendered } from './render/preview.protocol'
import { EditorSession } from './session'

/** Answers in the order and at the moment that a test chooses. */
class Answers<T> {
  private readonly waiting: ((answer: T) => void)[] = []
  readonly ask = (): Promise<T> => new Promise((resolve) => this.waiting.push(resolve))

  async give(answer: T): Promise<void> {
    await vi.waitFor(() => expect(this.waiting).not.toHaveLength(0))
    this.waiting.shift()?.(answer)
    await new Promise((resolve) => setTimeout(resolve)) // what follows from it has happened
  }
}

const bitmap = { close: () => undefined } as ImageBitmap
const drawing: Rendered = { cutout: bitmap, veil: bitmap, box: null, kept: 1 }
const answer = (value: number): Decoded => ({ mask: whole(Float32Array.of(value)), decodes: 1, ms: 1 })

async function opened(decodes: Answers<Decoded>, drawings: Answers<Rendered>): Promise<EditorSession> {
  vi.stubGlobal('location', { href: 'http://localhost/' })
  const host = new InferenceHost({
    spawn: () => {
      throw new Error('no engine is tried')
    },
    model: () => Promise.resolve({} as ModelManifest),
    candidates: () => Promise.resolve([]), // so the server decodes
    server: { open: () => Promise.resolve(null), decode: decodes.ask, close: () => undefined },
  })
  const api = {
    file: () => Promise.resolve(new Blob()), url: (path: string) => path, absolute: (path: string) => path,
    crop: () => Promise.resolve({ id: 'crop' }), encodeAgain: () => Promise.reject(new Fault('offline', 'no network')),
  } as unknown as CutoutApi
  const readMask = (): Promise<Float32Array> => Promise.resolve(Float32Array.of(0))
  const preview = { open: () => Promise.resolve(bitmap), readMask, render: drawings.ask } as unknown as Preview
  const image = {
    id: crypto.randomUUID(), frame: frameOf({ width: 640, height: 480 }, 'pad'), fit: 'pad' as const, model: 'lite',
    workingUrl: '/working', embedding: { url: '/embedding', bytes: 1 }, autoMaskUrl: '/proposal',
  }
  const session = new EditorSession(image, { api, host, preview, documents: new DocumentStore() }, { smooth: 0, offset: 0, feather: 0 })
  const open = session.open()
  await drawings.give(drawing)
  await open
  await vi.waitFor(() => expect(session.mask.get().ready).toBe(true))
  return session
}

function place(session: EditorSession): void {
  session.dispatch({ type: 'crosshair', dx: 10, dy: 0 })
  session.dispatch({ type: 'place' })
}

it('waits for the newest mark, also when it came while the mask before it was drawn', async () => {
  const decodes = new Answers<Decoded>()
  const drawings = new Answers<Rendered>()
  const session = await opened(decodes, drawings)
  place(session)
  await decodes.give(answer(1))
  place(session)
  await drawings.give(drawing)
  expect(session.mask.get().thinking).toBe(true)
  await decodes.give(answer(2))
  await drawings.give(drawing)
  expect(session.mask.get()).toMatchObject({ thinking: false, mask: whole(Float32Array.of(2)) })
})

it('does not take an answer for one start as the answer for the other', async () => {
  const decodes = new Answers<Decoded>()
  const drawings = new Answers<Rendered>()
  const session = await opened(decodes, drawings)
  place(session)
  session.dispatch({ type: 'start', start: 'empty' })
  await decodes.give(answer(1))
  expect(session.mask.get().thinking).toBe(true)
  await decodes.give(answer(2))
  await drawings.give(drawing)
  expect(session.mask.get()).toMatchObject({ thinking: false, mask: whole(Float32Array.of(2)) })
})

it('says what it could not look at closer, and goes on when that is undone', async () => {
  const decodes = new Answers<Decoded>()
  const drawings = new Answers<Rendered>()
  const session = await opened(decodes, drawings)
  session.dispatch({ type: 'zoom', factor: 4 })
  await session.refine()
  await vi.waitFor(() => expect(session.mask.get()).toMatchObject({ fault: { code: 'offline' }, thinking: false, refining: false }))
  session.dispatch({ type: 'undo' })
  expect(session.mask.get().fault).toBeNull()
  await drawings.give(drawing)
  place(session)
  await decodes.give(answer(3))
  await drawings.give(drawing)
  expect(session.mask.get()).toMatchObject({ thinking: false, mask: whole(Float32Array.of(3)) })
})
