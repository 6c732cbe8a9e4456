/**
 * One image being edited: the stage, the mask that follows the marks, and the preview that follows the mask. No React here;
 * the page subscribes to two stores.
 */
import type { CutoutApi } from '../api/client'
import { failureOf } from '../api/follow'
import type { ApiError } from '../api/http'
import type { CutoutOptions } from '../api/options'
import type { ApplyRequest } from '../api/types'
import { isRefine, wireBox, wireMarks, type Mark } from './document/marks'
import { EMPTY, type MarkDocument, type Start } from './document/history'
import type { DocumentStore } from './document/persistence'
import { Crops } from './crops'
import { faultOf } from './faults'
import type { Prepared } from './files'
import { frameOf, type Fit, type Frame } from './geometry/frame'
import { looksAt } from './decode/layered'
import { whole, type Mask } from './decode/layers'
import { nothing } from './decode/masks'
import { closer } from './tools/closer'
import { dispatch, type StageEvent } from './tools/machine'
import { openStage, type Stage } from './tools/stage'
import type { Box } from './geometry/spaces'
import type { EdgeOptions } from './render/matte'
import type { Preview } from './render/preview'
import type { Rendered } from './render/preview.protocol'
import { Fault } from '../inference/errors'
import type { InferenceHost } from '../inference/host'
import { Store } from '../store'

export interface SessionImage {
  readonly id: string
  readonly frame: Frame
  readonly fit: Fit
  readonly model: string
  readonly workingUrl: string
  readonly embedding: { readonly url: string; readonly bytes: number }
  readonly autoMaskUrl: string | null
}

export function imageOf({ imageId, width, height, encoded: { embedding, auto } }: Prepared, fit: Fit): SessionImage {
  return {
    id: imageId,
    frame: frameOf({ width, height }, fit),
    fit,
    model: embedding.model,
    workingUrl: `/api/images/${imageId}/working`,
    embedding,
    autoMaskUrl: auto?.mask_url ?? null,
  }
}

/** What Apply needs to know of what is on screen. */
export type Drawn = Omit<ApplyRequest, 'options' | 'preview'>

export interface SessionDeps {
  readonly api: CutoutApi
  readonly host: InferenceHost
  readonly preview: Preview
  readonly documents: DocumentStore
}

export interface MaskState {
  readonly bitmap: ImageBitmap | null
  readonly rendered: Rendered | null
  /** The mask on screen; null until the image is open, and once it is closed. */
  readonly mask: Mask | null
  /** A decode that the user waits for. */
  readonly thinking: boolean
  readonly decodeMs: number | null
  /** The engine can answer; before that marks are kept and answered later. */
  readonly ready: boolean
  readonly fault: Fault | ApiError | null
  /** Marks could not be written to the browser's storage. */
  readonly unsaved: boolean
  /** The server's own preview of these marks and options, until either changes. */
  readonly exact: ImageBitmap | null
  readonly asking: boolean
  /** Shown instead of the mask while a resting mouse previews the first mark. */
  readonly hovering: boolean
  /** A part is being encoded, to be looked at closer. */
  readonly refining: boolean
}

const CLOSED: MaskState = {
  bitmap: null, rendered: null, mask: null, thinking: false, decodeMs: null, ready: false, fault: null, unsaved: false, hovering: false,
  exact: null, asking: false, refining: false,
}

/** A resting mouse previews; one on its way does not: 120 ms is below what feels late and above a movement's samples. */
const HOVER_MS = 120

export class EditorSession {
  readonly stage: Store<Stage>
  readonly mask = new Store<MaskState>(CLOSED)
  private proposal: Float32Array | null = null
  private readonly crops: Crops
  private edge: EdgeOptions
  private hoverTimer: ReturnType<typeof setTimeout> | undefined
  private closed = false
  /** The document that the mask on screen belongs to. */
  private answered: MarkDocument | null = null
  /** Why the engine cannot answer, until it is tried again. */
  private broken: Fault | ApiError | null = null
  /** What could not be looked at closer, until it is tried again or a mark is drawn. */
  private missed: Box<'image'> | null = null

  constructor(
    readonly image: SessionImage,
    private readonly deps: SessionDeps,
    edge: EdgeOptions,
  ) {
    this.edge = edge
    this.crops = new Crops(deps.api, deps.host, image.model, image.fit)
    this.stage = new Store(openStage(image.frame.image, { width: 800, height: 600 }, () => crypto.randomUUID()))
  }

  /** Shows the image and the proposal as soon as they are here; the engine may come later. `known`: what the browser need not have kept. */
  async open(known: MarkDocument | null = null): Promise<void> {
    try {
      await this.load(known)
    } catch (error) {
      if (!this.closed) this.close()
      throw error
    }
    await this.render()
    void this.startEngine()
  }

  private async load(known: MarkDocument | null): Promise<void> {
    const { api, documents, preview } = this.deps
    const [working, autoMask, document] = await Promise.all([
      api.file(this.image.workingUrl),
      this.image.autoMaskUrl === null ? null : api.file(this.image.autoMaskUrl),
      known ?? documents.load(this.image.id).catch(() => EMPTY), // no storage: an empty document, and saving will say so
    ])
    if (this.closed) return
    const bitmap = await preview.open(this.image.id, this.image.frame, working)
    this.proposal = autoMask && (await preview.readMask(this.image.frame, autoMask))
    this.opened(bitmap, this.proposal ? document : { ...document, start: 'empty' })
  }

  private opened(bitmap: ImageBitmap, document: MarkDocument): void {
    if (this.closed) {
      bitmap.close()
      return
    }
    this.stage.update({ document })
    const thinking = document.marks.length > 0
    if (!thinking) this.answered = document
    this.mask.update({ bitmap, mask: this.unmarked(document.start), thinking })
  }

  /** What marks build on. */
  private unmarked(start: Start): Mask {
    return whole((start === 'auto' && this.proposal) || nothing())
  }

  private async startEngine(): Promise<void> {
    if (!this.mask.get().mask) return // closed
    this.broken = null
    this.mask.update({ thinking: this.answered !== this.stage.get().document })
    try {
      const { id, frame, embedding } = this.image
      await this.deps.host.open({ key: id, frame, embedding: { ...embedding, url: this.deps.api.absolute(embedding.url) }, proposal: this.proposal })
      if (this.closed) return
      this.mask.update({ ready: true, fault: null })
      if (this.stage.get().document.marks.length > 0) await this.decode()
    } catch (error) {
      this.broken = this.report(error, { thinking: false })
    }
  }

  dispatch(event: StageEvent): void {
    const before = this.stage.get()
    const next = dispatch(before, event)
    // Before the document is here, a mark would take the place of all that it holds.
    const after = this.mask.get().mask ? next : { ...next, document: before.document }
    this.stage.set(after)
    if (after.document !== before.document) this.documentChanged(after.document)
    if (after.hover !== before.hover) this.hoverChanged(after)
  }

  setEdge(edge: EdgeOptions): void {
    this.edge = edge
    void this.render()
  }

  /** Tries again what failed: the engine, a closer look, or the last decode. */
  async retry(): Promise<void> {
    const { missed } = this
    this.mask.update({ fault: null })
    if (!this.mask.get().ready) await this.startEngine()
    else if (!missed) await this.decode()
    if (missed) await this.refine(missed)
  }

  /** What is on screen, as Apply sends it. Waits for a decode under way; throws where the marks have no mask. */
  async drawn(): Promise<Drawn> {
    await this.settled()
    const { id, model, frame } = this.image
    const { mask, fault } = this.mask.get()
    const { document } = this.stage.get()
    if (!mask) throw new Fault('aborted', 'the image was closed')
    if (document !== this.answered) throw fault ?? this.broken ?? new Fault('internal', 'the marks have no mask')
    const file = await this.deps.preview.maskFile(frame, mask)
    return { imageId: id, model, marks: wireMarks(document.marks), mask: file, crops: mask.crops.map(({ box }) => wireBox(box)) }
  }

  /** What `refine` would look at. */
  closer(): Box<'image'> | null {
    return closer(this.stage.get(), this.mask.get().rendered?.box ?? null, this.image.frame.working)
  }

  /** Looks closer at what is on screen: it is encoded for itself, and marks in it act at its own fineness. */
  async refine(box = this.closer()): Promise<void> {
    const { marks, future } = this.stage.get().document
    if (!box || this.mask.get().refining || looksAt(marks, box)) return
    this.missed = null
    this.mask.update({ refining: true, fault: this.broken })
    try {
      const { id } = await this.deps.api.crop(this.image.id, wireBox(box))
      this.mask.update({ refining: false })
      // What was undone meanwhile could not be redone after it.
      const left = this.stage.get().document.future
      if (!this.closed && (left.length === 0 || left === future)) this.dispatch({ type: 'refine', box, crop: id })
    } catch (error) {
      this.missed = box
      this.report(error, { refining: false })
    }
  }

  /** Resolves when the mask belongs to the marks, as far as it can, or the image is closed. */
  async settled(): Promise<void> {
    await this.mask.until(({ mask, thinking }) => this.closed || (mask !== null && !thinking))
  }

  /** Resolves when that is so and nothing is being drawn. */
  async rested(): Promise<void> {
    do {
      await this.settled()
      await this.stage.until(({ gesture }) => gesture.at === 'idle')
    } while (this.mask.get().thinking)
  }

  /** Asks the server for what Apply would give, at up to 1024 px: with the steps that the preview leaves out. */
  async showExact(options: CutoutOptions): Promise<void> {
    const { api } = this.deps
    this.mask.update({ asking: true })
    try {
      const drawn = await this.drawn()
      const { edge } = this
      const { document } = this.stage.get()
      // Untrimmed and bare, so that it lies over the image as the local preview does.
      const bare: CutoutOptions = { ...options, trim: false, margin: '0', background: null, format: 'png', max_side: null }
      const job = await api.follow(await api.apply({ ...drawn, options: bare, preview: true }, crypto.randomUUID(), { onProgress: () => undefined }), { onChange: () => undefined })
      if (!job.result) throw failureOf(job)
      const exact = await createImageBitmap(await api.file(job.result.url))
      if (!this.closed && edge === this.edge && document === this.stage.get().document) this.mask.update({ exact })
      else exact.close()
    } catch (error) {
      this.report(error)
    }
    this.mask.update({ asking: false })
  }

  close(): void {
    this.closed = true
    clearTimeout(this.hoverTimer)
    const { bitmap, rendered, exact } = this.mask.get()
    this.mask.update(CLOSED)
    this.dispatch({ type: 'cancel' })
    exact?.close()
    bitmap?.close()
    if (rendered) discard(rendered)
    this.crops.close()
    this.deps.host.close(this.image.id)
    this.deps.preview.close(this.image.id)
  }

  private documentChanged(document: MarkDocument): void {
    clearTimeout(this.hoverTimer)
    this.missed = null
    this.deps.documents.save(this.image.id, document).then(
      () => this.mask.update({ unsaved: false }),
      () => this.mask.update({ unsaved: true }),
    )
    void this.decode()
  }

  private async decode(): Promise<void> {
    const { document } = this.stage.get()
    const { marks, start } = document
    const { ready } = this.mask.get()
    if (marks.length === 0) {
      if (ready) this.mask.update({ fault: null }) // what failed is undone
      return this.show(this.unmarked(start))
    }
    this.mask.update({ thinking: !this.broken })
    if (!ready) return
    if (await this.isNear(document)) await this.ask(marks, start, false)
  }

  /** Opens what is looked at closer. False: it cannot be, or a mark has come meanwhile, which asks for itself. */
  private async isNear(document: MarkDocument): Promise<boolean> {
    if (!document.marks.some(isRefine)) return true
    this.mask.update({ refining: true })
    try {
      await this.crops.open(document.marks)
    } catch (error) {
      if (document === this.stage.get().document) this.report(error, { thinking: false })
      return false
    } finally {
      this.mask.update({ refining: false })
    }
    return document === this.stage.get().document
  }

  private async ask(marks: readonly Mark[], start: Start, hovering: boolean): Promise<void> {
    const asked = this.stage.get().document
    const late = (): boolean => {
      const { document, hover } = this.stage.get()
      return this.closed || asked !== document || (hovering && hover === null)
    }
    try {
      const { mask, ms } = await this.deps.host.decode({ key: this.image.id, marks, start })
      if (late()) return
      this.mask.update({ decodeMs: ms, fault: null })
      await this.show(mask, hovering)
    } catch (error) {
      if (late() || (error instanceof Fault && error.code === 'superseded')) return
      this.report(error, { thinking: false })
    }
  }

  private async show(mask: Mask, hovering = false): Promise<void> {
    const { document } = this.stage.get()
    this.answered = document
    this.mask.update({ mask, hovering })
    await this.render()
    // While it was drawn a mark may have come: then that one's decode is waited for, and Apply waits too.
    if (document === this.stage.get().document) this.mask.update({ thinking: false })
  }

  private hoverChanged(stage: Stage): void {
    clearTimeout(this.hoverTimer)
    const point = stage.hover
    const first = stage.document.marks.length === 0 && stage.gesture.at === 'idle'
    if (point && first && (stage.tool === 'keep' || stage.tool === 'brush') && this.mask.get().ready) {
      const mark: Mark = { id: `hover:${point.x}:${point.y}`, kind: 'point', label: 'keep', points: [point] }
      this.hoverTimer = setTimeout(() => void this.ask([mark], 'empty', true), HOVER_MS)
    } else if (!point && this.mask.get().hovering && first) {
      void this.decode()
    }
  }

  private async render(): Promise<void> {
    const { mask } = this.mask.get()
    if (!mask) return
    const { marks } = this.stage.get().document
    try {
      const rendered = await this.deps.preview.render({ key: this.image.id, mask, marks, edge: this.edge })
      if (this.closed) {
        discard(rendered)
        return
      }
      const { rendered: old, exact } = this.mask.get()
      this.mask.update({ rendered, exact: null })
      exact?.close()
      if (old) discard(old)
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'superseded') this.report(error)
    }
  }

  /** `ended`: what is not waited for any longer. */
  private report(error: unknown, ended: Partial<MaskState> = {}): Fault | ApiError {
    const fault = faultOf(error)
    if (!this.closed) this.mask.update({ fault, ...ended })
    return fault
  }
}

function discard({ cutout, veil }: Rendered): void {
  cutout.close()
  veil.close()
}
