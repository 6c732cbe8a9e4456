/**
 * All files at hand: uploads and encodes them in order, keeps the open one as a session, applies and downloads. The next file
 * is prepared while this one is edited.
 */
import type { CutoutApi } from '../api/client'
import { failureOf } from '../api/follow'
import { ended, type CutoutJob, type EncodeJob } from '../api/types'
import { Store } from '../store'
import { archive } from './archive'
import { touched } from './document/history'
import { DocumentStore } from './document/persistence'
import { Engines } from './engines'
import { faultOf } from './faults'
import { encodeStep, newEntry, nextToPrepare, preparedOf, refusalOf, resultName, type FileEntry, type Prepared, type Step } from './files'
import { Preview } from './render/preview'
import { EditorSession, imageOf } from './session'
import { HD_MODEL, loadSettings, modelOf, saveSettings, taking, type Settings } from './settings'
import { resumed } from './tools/stage'
import { saveBlob, thumbOf } from './browser'

/** One upload uses the line, one encode the worker; a third would only delay the file that is wanted next. */
const AT_ONCE = 2

export interface Bench {
  readonly entries: readonly FileEntry[]
  readonly current: string | null
  readonly session: EditorSession | null
  readonly settings: Settings
  /** What cutouts stand on; its id is the option's. */
  readonly picture: Picture | null
  readonly notice: Notice | null
}

export interface Picture {
  readonly id: string
  readonly name: string
  readonly bitmap: ImageBitmap
}

export interface Notice {
  readonly code: string
  /** The file it is about. */
  readonly about?: string
  readonly detail?: string
}

export interface WorkbenchEvents {
  /** For analytics and hosts: `file_added`, `applied` … with the file's name and ids, never its pixels. */
  readonly onEvent?: (name: string, data: Readonly<Record<string, unknown>>) => void
  /** Takes the finished job instead of a download. */
  readonly onApplied?: (entry: FileEntry, job: CutoutJob) => Promise<void>
  /** Takes the result instead of a download. */
  readonly onComplete?: (file: Blob, entry: FileEntry) => void
}

export class Workbench {
  readonly state: Store<Bench>
  readonly engines: Engines
  private readonly preview = new Preview()
  private readonly documents = new DocumentStore()
  /** The mask that Apply waits for, until it is there or cannot be. */
  private drawing: Promise<unknown> = Promise.resolve()
  /** The photos that were open: the next is opened once they are closed. */
  private closing: Promise<unknown> = Promise.resolve()

  constructor(
    readonly api: CutoutApi,
    private readonly events: WorkbenchEvents = {},
  ) {
    this.engines = new Engines(api, this.preview)
    this.state = new Store<Bench>({ entries: [], current: null, session: null, settings: loadSettings(), picture: null, notice: null })
    void this.documents.prune().catch(() => undefined) // housekeeping: without storage there is nothing to prune
  }

  /** Runtime and weights, before a file is chosen. */
  preload(): void {
    void this.engines.preload().catch(() => undefined) // it is tried again, and reported, when an image opens
  }

  add(files: readonly File[]): void {
    const accepted: FileEntry[] = []
    for (const file of files) {
      const refusal = refusalOf(file)
      if (refusal) this.notify({ code: refusal, about: file.name })
      else accepted.push(newEntry(file.name, { file }))
    }
    if (accepted.length === 0) return
    const { entries, current } = this.state.get()
    this.state.update({ entries: [...entries, ...accepted], current: current ?? accepted[0]?.id ?? null })
    for (const entry of accepted) this.events.onEvent?.('file_added', { name: entry.name })
    for (const entry of accepted) void this.makeThumb(entry)
    this.pump()
  }

  /** Opens an image that the server has. */
  async reopen(imageId: string, name: string): Promise<void> {
    await this.select(this.list(imageId, name).id)
    this.pump()
  }

  /** An image that the server has, at the end of the strip; there once, however often it is asked for. */
  list(imageId: string, name: string): FileEntry {
    const { entries } = this.state.get()
    const known = entries.find((entry) => entry.imageId === imageId)
    if (known) return known
    const entry = newEntry(name, { imageId, thumb: this.api.url(`/api/images/${imageId}/working`) })
    this.state.update({ entries: [...entries, entry] })
    return entry
  }

  /** The strip in another order: lowest rank first. */
  arrange(rank: (entry: FileEntry) => number): void {
    this.state.update({ entries: this.state.get().entries.toSorted((a, b) => rank(a) - rank(b)) })
  }

  async select(id: string): Promise<void> {
    if (id === this.state.get().current) return
    const left = this.leave(id)
    this.pump()
    await left
    await this.openCurrent()
  }

  /** Closes the open photo, once the mask is there that Apply waits for: an answer for the next would take that one's place. */
  private async leave(current = this.state.get().current): Promise<void> {
    const { session } = this.state.get()
    this.state.update({ current, session: null })
    this.closing = Promise.all([this.closing, this.drawing]).then(() => session?.close())
    await this.closing
  }

  async remove(id: string): Promise<void> {
    const { entries, current } = this.state.get()
    const index = entries.findIndex((entry) => entry.id === id)
    const left = entries.filter((entry) => entry.id !== id)
    entries[index]?.off.abort()
    const thumb = entries[index]?.thumb
    if (thumb?.startsWith('blob:')) URL.revokeObjectURL(thumb)
    this.state.update({ entries: left })
    if (id !== current) return
    this.drawing = Promise.resolve() // nobody waits for its mask any more
    const next = left[Math.min(index, left.length - 1)]
    return next ? this.select(next.id) : this.leave(null)
  }

  setSettings(part: Partial<Settings>): void {
    const settings = { ...this.state.get().settings, ...part }
    this.state.update({ settings })
    saveSettings(settings)
    this.state.get().session?.setEdge(settings.options)
  }

  /** What the account says to begin with. */
  async startFromAccount(): Promise<void> {
    this.setSettings(taking(this.state.get().settings, await this.api.defaults()))
  }

  /** Puts cutouts on a picture. It is kept by the server; the preview shows the server's working copy, whatever the format. */
  async setPicture(file: File): Promise<void> {
    try {
      const { id, urls } = await this.api.storeImage(file, crypto.randomUUID())
      const bitmap = await createImageBitmap(await this.api.file(urls.working))
      this.state.get().picture?.bitmap.close()
      this.state.update({ picture: { id, name: file.name, bitmap } })
      this.setSettings({ options: { ...this.state.get().settings.options, background: id }, backdrop: 'option' })
    } catch (error) {
      this.notifyOf(error, { about: file.name })
    }
  }

  async setHd(hd: boolean): Promise<void> {
    this.setSettings({ hd })
    await this.renew()
  }

  /** Encodes the open image in the background with the model that is asked for now, where another was; its marks stay. */
  private async renew(): Promise<void> {
    const entry = this.currentEntry()
    const asked = modelOf(this.state.get().settings)
    if (!entry?.prepared || entry.renewing !== null || entry.asked === asked) return
    this.change(entry.id, { renewing: 0 })
    try {
      const job = await this.api.encodeAgain(entry.prepared.imageId, asked)
      const prepared = preparedOf(await this.followEncode(entry, job, ({ progress }) => this.change(entry.id, { renewing: progress })))
      this.change(entry.id, { prepared, asked })
      if (this.state.get().current === entry.id) await this.reopenCurrent()
    } catch (error) {
      if (entry.off.signal.aborted) return
      this.setSettings({ hd: entry.asked === HD_MODEL })
      this.notifyOf(error)
    } finally {
      this.change(entry.id, { renewing: null })
    }
  }

  private async reopenCurrent(): Promise<void> {
    const { session } = this.state.get()
    await session?.rested() // who applies now gets the mask that they see, and no stroke is cut off
    if (this.state.get().session !== session) return
    await this.leave()
    await this.openCurrent(session)
  }

  async apply(): Promise<void> {
    const { session, settings } = this.state.get()
    const entry = this.currentEntry()
    if (!entry || !session || entry.step.at === 'applying') return
    this.step(entry.id, { at: 'applying', part: 0 })
    const { signal } = entry.off
    try {
      const drawn = session.drawn()
      this.drawing = drawn.catch(() => undefined)
      const request = { ...(await drawn), options: settings.options }
      const created = await this.api.apply(request, crypto.randomUUID(), { onProgress: () => undefined, signal })
      const job = await this.api.follow(created, {
        signal,
        onChange: ({ progress }) => this.step(entry.id, { at: 'applying', part: progress }),
        onInterrupted: (interrupted) => this.change(entry.id, { interrupted }),
      })
      if (!job.result) throw failureOf(job)
      this.change(entry.id, { result: job.result, step: { at: 'done' } })
      this.events.onEvent?.('applied', { name: entry.name, imageId: session.image.id, jobId: job.id })
      await (this.events.onApplied?.(entry, job) ?? this.download(entry.id))
    } catch (error) {
      this.fail(entry, error, 'apply')
    }
  }

  async download(id: string): Promise<void> {
    const entry = this.state.get().entries.find((one) => one.id === id)
    if (!entry?.result) return
    const blob = await this.api.file(entry.result.url)
    if (this.events.onComplete) this.events.onComplete(blob, entry)
    else saveBlob(blob, resultName(entry.name, entry.result.format))
  }

  /** Every finished cutout in one file. */
  async downloadAll(): Promise<void> {
    try {
      saveBlob(await archive(this.api, this.state.get().entries), 'cutouts.zip')
    } catch (error) {
      this.notifyOf(error)
    }
  }

  /** Does again what failed on this file. */
  async retry(id: string): Promise<void> {
    const entry = this.state.get().entries.find((one) => one.id === id)
    if (entry?.step.at !== 'failed') return
    if (entry.step.during === 'apply') {
      this.step(id, { at: 'ready' })
      return this.apply()
    }
    this.change(id, { step: { at: 'waiting' }, prepared: null })
    this.pump()
  }

  /** The network is back: what failed for the lack of it goes on by itself. */
  reconnected(): void {
    const { entries, session } = this.state.get()
    for (const { id, step } of entries) {
      if (step.at === 'failed' && step.during === 'prepare' && step.error.code === 'offline') void this.retry(id)
    }
    if (session?.mask.get().fault?.code === 'offline') void session.retry()
  }

  /** Encodes an image anew whose data the server has dropped; its marks are kept by the browser. */
  async prepareAgain(id: string): Promise<void> {
    this.change(id, { step: { at: 'waiting' }, prepared: null })
    if (id === this.state.get().current) await this.leave()
    this.pump()
  }

  notify(notice: Notice): void {
    this.state.update({ notice })
  }

  notifyOf(error: unknown, about: Pick<Notice, 'about'> = {}): void {
    const { code, message } = faultOf(error)
    this.notify({ code, detail: message, ...about })
  }

  /** Opens the next or the previous file. */
  turn(by: 1 | -1): void {
    const { entries, current } = this.state.get()
    const next = entries[entries.findIndex((entry) => entry.id === current) + by]
    if (next) void this.select(next.id)
  }

  /** Something would be lost if the page closed now. */
  losesByLeaving(): boolean {
    const { entries, session } = this.state.get()
    const unsent = ({ file, imageId, step }: FileEntry): boolean => file !== null && imageId === null && step.at !== 'failed'
    return entries.some((entry) => unsent(entry) || entry.step.at === 'applying') || (session?.mask.get().unsaved ?? false)
  }

  dismissNotice(): void {
    this.state.update({ notice: null })
  }

  async dispose(): Promise<void> {
    const { entries, session } = this.state.get()
    for (const { off } of entries) off.abort()
    this.state.update({ entries: [], current: null, session: null })
    session?.close()
    this.documents.close()
    this.preview.dispose()
    await this.engines.dispose()
  }

  private async makeThumb(entry: FileEntry): Promise<void> {
    const thumb = entry.file && (await thumbOf(entry.file))
    if (thumb) this.change(entry.id, { thumb })
  }

  private pump(): void {
    const { entries, current } = this.state.get()
    for (const entry of nextToPrepare(entries, current, AT_ONCE)) void this.prepare(entry)
  }

  private async prepare(entry: FileEntry): Promise<void> {
    const asked = modelOf(this.state.get().settings)
    this.step(entry.id, { at: 'uploading', part: 0 })
    try {
      const job = await this.startEncode(entry, asked)
      const done = await this.followEncode(entry, job, (next) => this.step(entry.id, encodeStep(next)))
      this.change(entry.id, { prepared: preparedOf(done), asked, step: { at: 'ready' } })
      if (this.state.get().current === entry.id) await this.openCurrent()
    } catch (error) {
      this.fail(entry, error, 'prepare')
    }
    this.pump()
  }

  private startEncode(entry: FileEntry, model: string): Promise<EncodeJob> {
    if (entry.imageId !== null || !entry.file) return this.api.encodeAgain(entry.imageId ?? '', model)
    const onProgress = (part: number): void => this.step(entry.id, { at: 'uploading', part })
    return this.api.encode(entry.file, entry.id, { onProgress, signal: entry.off.signal }, model)
  }

  private async followEncode({ id, off }: FileEntry, job: EncodeJob, show: (job: EncodeJob) => void): Promise<EncodeJob> {
    this.change(id, { imageId: job.image.id })
    return this.api.follow(job, {
      signal: off.signal,
      onChange: (next) => {
        if (!ended(next.status)) show(next)
      },
      onInterrupted: (interrupted) => this.change(id, { interrupted }),
    })
  }

  /** `before`: what it takes the place of; the marks, the eye and the hand stay where they were. */
  private async openCurrent(before: EditorSession | null = null): Promise<void> {
    await this.closing
    const entry = this.currentEntry()
    if (!entry?.prepared || this.state.get().session) return
    let session: EditorSession | null = null
    try {
      session = await this.sessionOf(entry.prepared)
      if (this.currentEntry()?.prepared !== entry.prepared || this.state.get().session) return
      const like = before?.image.id === session.image.id ? before.stage.get() : null
      if (like) session.stage.set(resumed(session.stage.get(), like))
      this.state.update({ session })
      await session.open(like && touched(like.document) ? like.document : null)
      if (!before) void this.renew() // it was prepared before the switch was turned
    } catch (error) {
      if (this.state.get().session === session) this.state.update({ session: null })
      this.fail(entry, error, 'prepare')
    }
  }

  private async sessionOf(prepared: Prepared): Promise<EditorSession> {
    const { fit } = await this.engines.manifest(prepared.encoded.embedding.model)
    const image = imageOf(prepared, fit)
    const host = this.engines.for(image.model)
    const deps = { api: this.api, host, preview: this.preview, documents: this.documents }
    return new EditorSession(image, deps, this.state.get().settings.options)
  }

  private currentEntry(): FileEntry | undefined {
    const { entries, current } = this.state.get()
    return entries.find((entry) => entry.id === current)
  }

  private step(id: string, step: Step): void {
    this.change(id, { step })
  }

  private change(id: string, part: Partial<FileEntry>): void {
    const entries = this.state.get().entries.map((entry) => (entry.id === id ? { ...entry, ...part } : entry))
    this.state.update({ entries })
  }

  private fail({ id, off }: FileEntry, error: unknown, during: 'prepare' | 'apply'): void {
    if (off.signal.aborted) return
    const failure = faultOf(error)
    this.change(id, { step: { at: 'failed', error: failure, during }, interrupted: false })
    this.events.onEvent?.('failed', { code: failure.code, during })
  }
}
