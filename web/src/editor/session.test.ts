import { expect, it, vi } from 'vitest'
import type { CutoutApi } from '../api/client'
import type { ImageInfo } from '../api/types'
import { InferenceHost } from '../inference/host'
import type { ModelManifest } from '../inference/manifest'
import { Fault } from '../inference/errors'
import type { Decoded } from '../inference/protocol'
import { whole, type Mask } from './decode/layers'
import { nothing } from './decode/masks'
import { addMark, EMPTY, setStart, type MarkDocument } from './document/history'
import type { DocumentStore } from './document/persistence'
import { frameOf, type Frame } from './geometry/frame'
import { at } from './geometry/spaces'
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
const PROPOSAL = Float32Array.of(-1)
const MARKED = addMark(EMPTY, { id: 'kept', kind: 'point', label: 'keep', points: [at(1, 1)] })
const answer = (value: number): Decoded => ({ mask: whole(Float32Array.of(value)), decodes: 1, ms: 1 })

interface Scene {
  /** Marks that the browser has kept. */
  readonly document?: MarkDocument
  /** What the engine waits for before it opens an image. */
  readonly engine?: () => Promise<null>
  readonly save?: DocumentStore['save']
  readonly crop?: CutoutApi['crop']
}

function made(decodes: Answers<Decoded>, drawings: Answers<Rendered>, { document = EMPTY, engine = () => Promise.resolve(null), save, crop }: Scene = {}): EditorSession {
  vi.stubGlobal('location', { href: 'http://localhost/' })
  const host = new InferenceHost({
    spawn: () => {
      throw new Error('no engine is tried')
    },
    model: () => Promise.resolve({} as ModelManifest),
    candidates: () => Promise.resolve([]), // so the server decodes
    server: { open: engine, decode: decodes.ask, close: () => undefined },
  })
  const api = {
    file: () => Promise.resolve(new Blob()), url: (path: string) => path, absolute: (path: string) => path,
    crop: crop ?? (() => Promise.resolve({ id: 'crop' })), encodeAgain: () => Promise.reject(new Fault('offline', 'no network')),
  } as unknown as CutoutApi
  const preview = {
    open: () => Promise.resolve(bitmap), readMask: () => Promise.resolve(PROPOSAL), render: drawings.ask, close: () => Promise.resolve(null),
    maskFile: (_frame: Frame, { logits }: Mask) => Promise.resolve(new Blob([logits as Float32Array<ArrayBuffer>])),
  } as unknown as Preview
  const documents = { load: () => Promise.resolve(document), save: save ?? (() => Promise.resolve()) } as unknown as DocumentStore
  const image = {
    id: crypto.randomUUID(), frame: frameOf({ width: 640, height: 480 }, 'pad'), fit: 'pad' as const, model: 'lite',
    workingUrl: '/working', embedding: { url: '/embedding', bytes: 1 }, autoMaskUrl: '/proposal',
  }
  return new EditorSession(image, { api, host, preview, documents }, { smooth: 0, offset: 0, feather: 0 })
}

async function opened(decodes: Answers<Decoded>, drawings: Answers<Rendered>, scene?: Scene): Promise<EditorSession> {
  const session = made(decodes, drawings, scene)
  const open = session.open()
  await drawings.give(drawing)
  await open
  await vi.waitFor(() => expect(session.mask.get().ready).toBe(true))
  return session
}

/** The mask that Apply would send. */
const sent = async (session: EditorSession): Promise<number[]> => [...new Float32Array(await (await session.drawn()).mask.arrayBuffer())]

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

it('sends nothing of a photo that was closed while its mask was waited for', async () => {
  const session = await opened(new Answers<Decoded>(), new Answers<Rendered>())
  place(session)
  const drawn = session.drawn()
  session.close()
  await expect(drawn).rejects.toMatchObject({ code: 'aborted' })
})

it('sends the mask of the marks that were kept, and not the proposal, while the engine is loaded', async () => {
  const decodes = new Answers<Decoded>()
  const drawings = new Answers<Rendered>()
  const engine = new Answers<null>()
  const session = made(decodes, drawings, { document: MARKED, engine: engine.ask })
  const early = sent(session)
  const open = session.open()
  await drawings.give(drawing)
  await open
  const late = sent(session)
  place(session)
  await engine.give(null)
  await engine.give(null) // a decode asks for it too
  await decodes.give(answer(2))
  await drawings.give(drawing)
  expect(await early).toEqual([2])
  expect(await late).toEqual([2])
})

it('says why it cannot be sent where the engine failed', async () => {
  const decodes = new Answers<Decoded>()
  const drawings = new Answers<Rendered>()
  const session = made(decodes, drawings, { document: MARKED, engine: () => Promise.reject(new Fault('network', 'away')) })
  const open = session.open()
  await drawings.give(drawing)
  await open
  await expect(session.drawn()).rejects.toMatchObject({ code: 'network' })
  place(session)
  await expect(session.drawn()).rejects.toMatchObject({ code: 'network' })
})

it('shows what the marks start from', async () => {
  const drawings = new Answers<Rendered>()
  const decodes = new Answers<Decoded>()
  const fresh = await opened(decodes, drawings)
  const emptied = await opened(decodes, drawings, { document: setStart(EMPTY, 'empty') })
  expect(fresh.mask.get().mask?.logits).toBe(PROPOSAL)
  expect(emptied.mask.get().mask?.logits[0]).toBe(nothing()[0])
})

it('adds nothing to a document that is not here yet', async () => {
  const drawings = new Answers<Rendered>()
  const save = vi.fn(() => Promise.resolve())
  const session = made(new Answers<Decoded>(), drawings, { document: MARKED, save })
  const open = session.open()
  place(session)
  session.dispatch({ type: 'start', start: 'empty' })
  expect(save).not.toHaveBeenCalled() // what was kept would be gone
  await drawings.give(drawing)
  await open
  expect(session.stage.get().document).toBe(MARKED)
})

/** A session, zoomed in, whose crops come when a test gives them. */
async function closeUp(): Promise<{ session: EditorSession; crops: Answers<ImageInfo>; asked: () => number }> {
  const crops = new Answers<ImageInfo>()
  const crop = vi.fn(crops.ask)
  const session = await opened(new Answers<Decoded>(), new Answers<Rendered>(), { document: MARKED, crop })
  session.dispatch({ type: 'zoom', factor: 4 })
  return { session, crops, asked: () => crop.mock.calls.length }
}
const CROP = { id: 'crop' } as ImageInfo
const kinds = (session: EditorSession): string[] => session.stage.get().document.marks.map(({ kind }) => kind)

it('looks at a part closer once, while it can be seen', async () => {
  const { session, crops, asked } = await closeUp()
  const refined = session.refine()
  await crops.give(CROP)
  await refined
  session.mask.update({ refining: false })
  await session.refine()
  expect([kinds(session), asked()]).toEqual([['point', 'refine'], 1])
})

it('does not look closer where that would forget what was undone meanwhile', async () => {
  const { session, crops } = await closeUp()
  const refined = session.refine()
  session.dispatch({ type: 'undo' })
  await crops.give(CROP)
  await refined
  expect(kinds(session)).toEqual([])
  session.dispatch({ type: 'redo' })
  expect(kinds(session)).toEqual(['point'])
})

it('asks again for the part that it could not look at closer', async () => {
  const crop = vi.fn<CutoutApi['crop']>().mockRejectedValueOnce(new Fault('network', 'away')).mockResolvedValueOnce(CROP)
  const session = await opened(new Answers<Decoded>(), new Answers<Rendered>(), { crop })
  session.dispatch({ type: 'zoom', factor: 4 })
  await session.refine()
  expect(session.mask.get()).toMatchObject({ fault: { code: 'network' }, refining: false })
  session.dispatch({ type: 'fit' })
  await session.retry()
  expect(kinds(session)).toEqual(['refine'])
  expect(crop.mock.calls[1]).toEqual(crop.mock.calls[0])
})
