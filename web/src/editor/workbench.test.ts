import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { CutoutApi } from '../api/client'
import type { Follow } from '../api/follow'
import type { ApplyRequest, CutoutJob, EncodeJob, Job } from '../api/types'
import type { UploadWatch } from '../api/upload'
import { Fault } from '../inference/errors'
import type { Decoded, RequestOf } from '../inference/protocol'
import { InferenceHost } from '../inference/host'
import { whole } from './decode/layers'
import type { PreviewCalls } from './render/preview.protocol'
import type { EditorSession } from './session'
import { HD_MODEL } from './settings'
import { Workbench } from './workbench'

const bitmap = { close: () => undefined }
const REPLIES = { open: bitmap, render: { cutout: bitmap, veil: bitmap, box: null, kept: 1 }, close: null, readMask: null }

/** The preview, drawn at once and out of nothing. */
class PreviewWorker {
  onmessage: ((event: { data: object }) => void) | null = null
  terminate(): void {}

  postMessage({ id, call, args }: RequestOf<PreviewCalls>): void {
    const result = call === 'maskFile' ? new Blob([String(args.mask.logits[0])]) : REPLIES[call]
    queueMicrotask(() => this.onmessage?.({ data: { id, kind: 'done', result } }))
  }
}

const encodeOf = (id: string, model: string): EncodeJob =>
  ({ id: `encode-${id}`, kind: 'encode', status: 'succeeded', urls: {}, image: { id, width: 640, height: 480 }, result: { embedding: { url: '/e', bytes: 1, model }, auto: null } }) as unknown as EncodeJob

/** The service, at once; nothing that storage kept. */
class Api extends CutoutApi {
  readonly encodes: string[] = []
  readonly applied: ApplyRequest[] = []
  /** Which model it takes for the one that is asked for. */
  choice = (model: string): string => model

  override encodeAgain = (id: string, model: string): Promise<EncodeJob> => {
    this.encodes.push(`${id} ${model}`)
    return Promise.resolve(encodeOf(id, this.choice(model)))
  }

  override apply = (request: ApplyRequest): Promise<CutoutJob> => {
    this.applied.push(request)
    return new Promise(() => undefined)
  }

  override model = (name: string): Promise<never> => Promise.resolve({ name, fit: 'pad' } as never)
  override file = (): Promise<Blob> => Promise.resolve(new Blob())
}

let decodes: ((decoded: Decoded) => void)[]

beforeEach(() => {
  decodes = []
  vi.stubGlobal('navigator', {})
  vi.stubGlobal('location', { href: 'http://localhost/' })
  vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined })
  vi.stubGlobal('indexedDB', { open: () => { throw new DOMException('blocked', 'SecurityError') } })
  vi.stubGlobal('Worker', PreviewWorker)
  vi.spyOn(InferenceHost.prototype, 'open').mockResolvedValue(null)
  vi.spyOn(InferenceHost.prototype, 'close').mockReturnValue(undefined)
  vi.spyOn(InferenceHost.prototype, 'decode').mockImplementation(() => new Promise((resolve) => decodes.push(resolve)))
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

async function edited(workbench: Workbench, model?: string): Promise<EditorSession> {
  return vi.waitFor(() => {
    const { session } = workbench.state.get()
    if (!session?.mask.get().ready || session.image.model !== (model ?? session.image.model)) throw new Fault('internal', 'not open yet')
    return session
  })
}

/** Two photos, the first of them open. */
async function started(choice = (model: string): string => model): Promise<{ workbench: Workbench; api: Api; session: EditorSession; ids: string[] }> {
  const api = new Api()
  api.choice = choice
  const workbench = new Workbench(api)
  for (const id of ['one', 'two']) workbench.list(id, `${id}.jpg`)
  await workbench.reopen('one', 'one.jpg')
  const session = await edited(workbench)
  return { workbench, api, session, ids: workbench.state.get().entries.map(({ id }) => id) }
}

function place(session: EditorSession): void {
  session.dispatch({ type: 'crosshair', dx: 10, dy: 0 })
  session.dispatch({ type: 'place' })
}

const pointer = { id: 1, touch: false, button: 0, alt: false, shift: false }
async function answer(): Promise<void> {
  await vi.waitFor(() => expect(decodes).toHaveLength(1))
  decodes.shift()?.({ mask: whole(Float32Array.of(1)), decodes: 1, ms: 1 })
}

it('makes the cutout of a photo that was turned away from while its mask was waited for', async () => {
  const { workbench, api, session } = await started()
  place(session)
  void workbench.apply()
  workbench.turn(1)
  expect(workbench.state.get().session).toBeNull()
  await answer()
  await vi.waitFor(() => expect(api.applied).toMatchObject([{ imageId: 'one', marks: [{ kind: 'point' }] }]))
  expect(await api.applied[0]?.mask.text()).toBe('1')
  expect((await edited(workbench)).image.id).toBe('two')
})

it('makes none of a photo that was taken off the list, and waits for nothing of it', async () => {
  const { workbench, api, session, ids } = await started()
  place(session)
  const applied = workbench.apply()
  await workbench.remove(ids[0] ?? '')
  await applied
  expect((await edited(workbench)).image.id).toBe('two')
  expect(api.applied).toEqual([])
})

it('keeps the marks, and the stroke being drawn, when the model is changed, also without storage', async () => {
  const { workbench, session } = await started()
  place(session)
  await answer()
  await session.settled()
  session.dispatch({ type: 'tool', tool: 'brush' })
  session.dispatch({ type: 'down', pointer: { ...pointer, at: { x: 300, y: 300 } } })
  const changed = workbench.setHd(true)
  await vi.waitFor(() => expect(workbench.state.get().entries[0]?.prepared?.encoded.embedding.model).toBe(HD_MODEL))
  session.dispatch({ type: 'move', pointer: { ...pointer, at: { x: 350, y: 300 } } })
  session.dispatch({ type: 'up', pointer: { ...pointer, at: { x: 350, y: 300 } } })
  await answer()
  await changed
  const { document } = (await edited(workbench, HD_MODEL)).stage.get()
  expect(document.marks.map(({ kind }) => kind)).toEqual(['point', 'stroke'])
})

it('prepares the next photo anew where it was prepared with the other model', async () => {
  const { workbench, api } = await started()
  await vi.waitFor(() => expect(workbench.state.get().entries[1]?.step.at).toBe('ready'))
  await workbench.setHd(true)
  workbench.turn(1)
  expect((await edited(workbench, HD_MODEL)).image.id).toBe('two')
  await workbench.setHd(false)
  workbench.turn(-1)
  expect((await edited(workbench, 'auto')).image.id).toBe('one')
  expect(api.encodes).toEqual(['one auto', 'two auto', `one ${HD_MODEL}`, `two ${HD_MODEL}`, 'two auto', 'one auto'])
  expect(workbench.state.get().entries.map(({ renewing }) => renewing)).toEqual([null, null])
})

it('asks nothing anew of a server whose own choice is the HD model', async () => {
  const { workbench, api } = await started((model) => (model === 'auto' ? HD_MODEL : model))
  await vi.waitFor(() => expect(workbench.state.get().entries[1]?.step.at).toBe('ready'))
  workbench.turn(1)
  expect((await edited(workbench)).image.id).toBe('two')
  expect(api.encodes).toEqual(['one auto', 'two auto'])
})

/** Photos from the disk, whose uploads and encodes never end. */
class Endless extends Api {
  readonly signals: (AbortSignal | undefined)[] = []

  override encode = (file: File, _key: string, { signal }: UploadWatch): Promise<EncodeJob> => {
    this.signals.push(signal)
    if (file.name === 'sent.jpg') return Promise.resolve(encodeOf('sent', 'auto'))
    return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError'))))
  }

  override follow = <J extends Job>(_job: J, { signal }: Follow<J>): Promise<J> => {
    this.signals.push(signal)
    return new Promise(() => undefined)
  }
}

const photo = (name: string): File => new File(['jpeg'], name, { type: 'image/jpeg' })

it('stops what it does for a photo that is taken off the list, and for all of them at the end', async () => {
  vi.stubGlobal('createImageBitmap', () => Promise.reject(new DOMException('no thumbnails')))
  const api = new Endless()
  const onEvent = vi.fn()
  const workbench = new Workbench(api, { onEvent })
  workbench.add([photo('sent.jpg'), photo('sending.jpg'), photo('waiting.jpg')])
  await vi.waitFor(() => expect(api.signals).toHaveLength(3))
  const aborted = (): (boolean | undefined)[] => api.signals.map((signal) => signal?.aborted)
  await workbench.remove(workbench.state.get().entries[1]?.id ?? '')
  await vi.waitFor(() => expect(aborted()).toEqual([false, true, false, false])) // its place in the line is the next one's
  await workbench.dispose()
  expect(aborted()).toEqual([true, true, true, true])
  expect(onEvent).not.toHaveBeenCalledWith('failed', expect.anything())
})
