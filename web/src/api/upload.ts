/** Uploads with progress. XMLHttpRequest, because fetch cannot report what it has sent. */
import { authHeaders, problemFrom, unreachable, urlOf, type ApiConfig } from './http'

export interface UploadWatch {
  /** 0…1 of the body's bytes sent. */
  readonly onProgress: (part: number) => void
  readonly signal?: AbortSignal
}

export interface Upload extends UploadWatch {
  readonly path: string
  readonly form: FormData
  readonly idempotencyKey: string
}

/** A multipart POST to the API. */
export async function upload<T>(config: ApiConfig, { path, form, idempotencyKey, ...watch }: Upload): Promise<T> {
  const headers = { ...(await authHeaders(config)), 'Idempotency-Key': idempotencyKey }
  return JSON.parse(await send('POST', urlOf(config, path), headers, form, watch)) as T
}

/** Where a photo may be sent, without credentials: a signed URL of the store. */
export interface Destination {
  readonly upload_id: string
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
}

export async function sendTo(config: ApiConfig, { url, method, headers }: Destination, file: File, watch: UploadWatch): Promise<void> {
  await send(method, url.startsWith('/') ? urlOf(config, url) : url, headers, file, watch)
}

/** What was answered. */
async function send(
  method: string, url: string, headers: Readonly<Record<string, string>>, body: FormData | File, { onProgress, signal }: UploadWatch,
): Promise<string> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open(method, url)
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value)
    xhr.upload.onprogress = (event) => onProgress(event.lengthComputable ? event.loaded / event.total : 0)
    xhr.onerror = () => reject(unreachable())
    xhr.onabort = () => reject(new DOMException('aborted', 'AbortError'))
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) resolve(xhr.responseText)
      else reject(problemFrom(xhr.status, xhr.responseText, (name) => xhr.getResponseHeader(name)))
    }
    signal?.addEventListener('abort', () => xhr.abort(), { once: true })
    xhr.send(body)
  })
}
