/** The legacy page: a photo goes to ClippingMagic, a person edits it in the popup, the cutout comes back as a job. */
import { failureOf, follow } from '../api/follow'
import { ApiError, type ApiConfig } from '../api/http'
import type { CutoutJob } from '../api/types'
import { resultName } from '../editor/files'
import { faultText } from '../strings'
import { fetchResult, sendFile, sendImage, type Sent } from './api'
import { BrowserLacks, edit, load, type ClippingMagic } from './clippingMagic'
import { L } from './strings'
import { button, download, fileButton, note, show, text, title } from './view'

const API: ApiConfig = { baseUrl: '', token: null }

export class LegacyPage {
  constructor(private readonly root: HTMLElement) {}

  choose(): void {
    show(this.root, 'choose', title(L.title), fileButton(L.choose, (file) => void this.upload(file)))
  }

  /** "Send to ClippingMagic" of the new editor: it costs something, so it is asked. */
  confirm(imageId: string): void {
    const why = note(L.why)
    const send = (): Promise<void> => this.sending(() => sendImage(API, imageId, why.value), () => this.confirm(imageId))
    show(this.root, 'confirm', title(L.sendTitle), text(L.sendText), why.label, button(L.send, () => void send()))
  }

  private upload(file: File): Promise<void> {
    const progress = text(L.uploading(0))
    const onProgress = (part: number): void => { progress.textContent = L.uploading(part) }
    return this.sending(() => sendFile(API, file, onProgress), () => this.choose(), progress)
  }

  private async sending(send: () => Promise<Sent>, back: () => void, progress = text(L.uploading(0))): Promise<void> {
    show(this.root, 'sending', progress)
    try {
      const sent = await send()
      await this.prepare(sent)
    } catch (error) {
      this.fault(error, back)
    }
  }

  /** A popup needs a click of its own: by now the one that chose the photo is too long ago. */
  private async prepare(sent: Sent): Promise<void> {
    try {
      const magic = await load(sent.clippingmagic)
      this.offer(sent, magic, L.ready)
    } catch (error) {
      const said = error instanceof BrowserLacks ? L.lacks(error.message) : L.noScript
      show(this.root, 'fault', text(said), button(L.again, () => void this.prepare(sent)), this.another())
    }
  }

  private offer(sent: Sent, magic: ClippingMagic, said: string): void {
    show(this.root, 'offer', text(said), button(L.edit, () => void this.editing(sent, magic)), this.another())
  }

  private async editing(sent: Sent, magic: ClippingMagic): Promise<void> {
    const outcome = edit(magic, sent.clippingmagic)
    show(this.root, 'editing', text(L.editing))
    const ended = await outcome
    if (ended === 'done') await this.fetch(sent)
    else this.offer(sent, magic, L[ended])
  }

  private async fetch(sent: Sent): Promise<void> {
    show(this.root, 'fetching', text(L.fetching))
    try {
      const job = await follow<CutoutJob>(API, await fetchResult(API, sent), { onChange: () => undefined })
      if (job.result === null) throw failureOf(job)
      const name = resultName(sent.image.filename ?? 'image', job.result.format)
      show(this.root, 'done', text(L.done), download(L.download, job.result.url, name), this.another())
    } catch (error) {
      this.fault(error, () => void this.fetch(sent))
    }
  }

  private fault(error: unknown, back: () => void): void {
    const said = error instanceof ApiError ? faultText(error.code, error.message) : faultText('internal')
    show(this.root, 'fault', text(said), button(L.again, back), this.another())
  }

  /** A navigation: the flag is asked again, so the next photo may get the new editor. */
  private another(): HTMLElement {
    return button(L.another, () => location.assign('/process/background-removal'), 'quiet')
  }
}
