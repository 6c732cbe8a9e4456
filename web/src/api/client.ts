/** The calls of DESIGN §9 that the editor makes. */
import type { Start } from '../editor/document/history'
import type { WireBox, WireMark } from '../editor/document/marks'
import type { ModelManifest } from '../inference/manifest'
import { follow, type Follow } from './follow'
import { ApiError, jsonBody, request, requestJson, urlOf, type ApiConfig } from './http'
import type { AccountDefaults, ApplyRequest, Batch, BatchItem, CutoutJob, CutoutResult, EncodeJob, ImageInfo, Job, Page } from './types'
import { sendTo, upload, type Destination, type UploadWatch } from './upload'
import { browserManifest, type ManifestDocument } from './models'

/** From here on a photo goes to the store itself: smaller ones are through the web server before its URL is signed. */
const DIRECT_BYTES = 6_000_000

export class CutoutApi {
  /** By idempotency key. */
  private readonly uploads = new Map<string, string>()

  constructor(readonly config: ApiConfig = { baseUrl: '', token: null }) {}

  url(path: string): string {
    return urlOf(this.config, path)
  }

  /** For a worker, which would resolve a relative one against its own script, not against the page. */
  absolute(path: string): string {
    return new URL(this.url(path), location.href).href
  }

  async encode(file: File, idempotencyKey: string, watch: UploadWatch, model = 'auto'): Promise<EncodeJob> {
    const uploadId = file.size < DIRECT_BYTES ? null : await this.sent(file, idempotencyKey, watch)
    if (uploadId === null) return this.encodeForm(file, idempotencyKey, watch, model)
    const { headers, ...body } = jsonBody({ upload_id: uploadId, model })
    try {
      return await requestJson(this.config, '/api/segment/encode', { ...body, headers: { ...(headers as object), 'Idempotency-Key': idempotencyKey } })
    } catch (error) {
      if (!(error instanceof ApiError && error.temporary)) this.uploads.delete(idempotencyKey) // it may have expired: the next try sends it anew
      throw error
    }
  }

  /** The id by which a call names the file, now in the store; null where the store cannot be reached from here. */
  private async sent(file: File, key: string, watch: UploadWatch): Promise<string | null> {
    const known = this.uploads.get(key) // sent before the call that was to name it failed
    if (known !== undefined) return known
    try {
      const destination = await this.post<Destination>('/api/uploads', { filename: file.name })
      await sendTo(this.config, destination, file, watch)
      this.uploads.set(key, destination.upload_id)
      return destination.upload_id
    } catch (error) {
      if (error instanceof ApiError && error.code === 'network') return null
      throw error
    }
  }

  private encodeForm(file: File, idempotencyKey: string, watch: UploadWatch, model: string): Promise<EncodeJob> {
    const form = new FormData()
    // Fields first: the server reads the form as a stream and can refuse before the bytes come.
    form.set('model', model)
    form.set('image', file, file.name)
    return upload(this.config, { path: '/api/segment/encode', form, idempotencyKey, ...watch })
  }

  /** Stores a picture and nothing more: a background for cutouts. */
  storeImage(file: File, idempotencyKey: string): Promise<ImageInfo> {
    const form = new FormData()
    form.set('image', file, file.name)
    return upload(this.config, { path: '/api/images', form, idempotencyKey, onProgress: () => undefined })
  }

  /** Encodes an image that is here already, e.g. with another model; `auto`: looks for its subject. */
  encodeAgain(imageId: string, model: string, auto = true): Promise<EncodeJob> {
    return this.post('/api/segment/encode', { image_id: imageId, model, auto })
  }

  /** A part of an image, of all its pixels, as an image of its own; the same one for the same box. */
  crop(imageId: string, box: WireBox): Promise<ImageInfo> {
    return this.post(`/api/images/${imageId}/crops`, { box })
  }

  apply({ imageId, model, marks, mask, crops, options, preview = false }: ApplyRequest, idempotencyKey: string, watch: UploadWatch): Promise<CutoutJob> {
    const form = new FormData()
    form.set('image_id', imageId)
    form.set('model', model)
    form.set('marks', JSON.stringify(marks))
    form.set('options', JSON.stringify(options))
    if (crops.length > 0) form.set('crops', JSON.stringify(crops))
    form.set('preview', String(preview))
    form.set('mask', mask, 'mask.png')
    return upload(this.config, { path: '/api/segment/apply-mask', form, idempotencyKey, ...watch })
  }

  /** The mask now, decoded on the server: the last resort. `start`: a mask is made finer first. */
  async decode(imageId: string, model: string, marks: readonly WireMark[], start: Start | Blob): Promise<ArrayBuffer> {
    const body = start instanceof Blob ? { method: 'POST', body: finerForm(imageId, model, marks, start) } : jsonBody({ image_id: imageId, model, marks, start })
    return (await request(this.config, '/api/segment/decode', body)).arrayBuffer()
  }

  follow<J extends Job>(job: J, how: Follow<J>): Promise<J> {
    return follow(this.config, job, how)
  }

  cancel(job: Job): Promise<Job> {
    return requestJson(this.config, job.urls.cancel, { method: 'POST' })
  }

  image(id: string): Promise<ImageInfo> {
    return requestJson(this.config, `/api/images/${id}`)
  }

  images(cursor: string | null = null): Promise<Page<ImageInfo>> {
    return requestJson(this.config, `/api/images?limit=30${after(cursor)}`)
  }

  /** The newest cutout of an image, or null. */
  async lastResult(imageId: string): Promise<CutoutResult | null> {
    const { items } = await requestJson<Page<Job>>(this.config, `/api/jobs?image_id=${imageId}&status=succeeded&limit=20`)
    return items.find((job): job is CutoutJob => job.kind !== 'encode')?.result ?? null
  }

  batch(id: string): Promise<Batch> {
    return requestJson(this.config, `/api/batches/${id}`)
  }

  /** Cutouts of a batch that nobody has looked at, the least confident first. */
  toReview(batchId: string, cursor: string | null = null): Promise<Page<BatchItem>> {
    return requestJson(this.config, `/api/batches/${batchId}/items?order=confidence&reviewed=false&ended=true&limit=30${after(cursor)}`)
  }

  /** Looked at; the job's cutout takes the item's place, if there is one. */
  review(item: BatchItem, job: CutoutJob | null): Promise<BatchItem> {
    return this.post(item.urls.review, job ? { job_id: job.id } : {})
  }

  async deleteImage(id: string): Promise<void> {
    await request(this.config, `/api/images/${id}`, { method: 'DELETE' })
  }

  async file(url: string): Promise<Blob> {
    return (await request(this.config, url)).blob()
  }

  defaults(): Promise<AccountDefaults> {
    return requestJson(this.config, '/api/account/settings')
  }

  /** The manifest of one model, or of the one the server would choose. */
  async model(name: string): Promise<ModelManifest> {
    const document = await requestJson<ManifestDocument>(this.config, `/models/manifest.json?model=${encodeURIComponent(name)}`)
    return browserManifest(document, (path) => this.url(path))
  }

  private post<T>(path: string, body: object): Promise<T> {
    return requestJson<T>(this.config, path, jsonBody(body))
  }
}

function finerForm(imageId: string, model: string, marks: readonly WireMark[], mask: Blob): FormData {
  const form = new FormData()
  form.set('image_id', imageId)
  form.set('model', model)
  form.set('marks', JSON.stringify(marks))
  form.set('refine', 'true')
  form.set('mask', mask, 'mask.png')
  return form
}

const after = (cursor: string | null): string => (cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`)
