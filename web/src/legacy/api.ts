/** The two calls of the legacy path. */
import { jsonBody, requestJson, type ApiConfig } from '../api/http'
import type { CutoutJob, ImageInfo } from '../api/types'
import { upload } from '../api/upload'
import type { Editable } from './clippingMagic'

export interface Sent {
  readonly image: ImageInfo
  readonly clippingmagic: Editable
  readonly reason: string
  readonly fetch_url: string
}

export function sendFile(config: ApiConfig, file: File, onProgress: (part: number) => void): Promise<Sent> {
  const form = new FormData()
  form.set('image', file, file.name)
  return upload(config, { path: '/api/clippingmagic/upload', form, idempotencyKey: crypto.randomUUID(), onProgress })
}

/** An image that is here already, by a person's wish. */
export function sendImage(config: ApiConfig, imageId: string, note: string): Promise<Sent> {
  return requestJson(config, '/api/clippingmagic/upload', jsonBody({ image_id: imageId, asked: true, note }))
}

export function fetchResult(config: ApiConfig, sent: Sent): Promise<CutoutJob> {
  return requestJson(config, sent.fetch_url, jsonBody({}))
}
