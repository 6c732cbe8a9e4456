/** A multipart POST with upload progress. XMLHttpRequest, because fetch cannot report what it has sent. */
import { authHeaders, problemFrom, unreachable, urlOf, type ApiConfig } from './http'

export interface Upload {
  readonly path: string
  readonly form: FormData
  readonly idempotencyKey: string
  /** 0…1 of the body's bytes sent. */
  readonly onProgress: (part: number) => void
  readonly signal?: AbortSignal
}

export async function upload<T>(config: ApiConfig, { path, form, idempotencyKey, onProgress, signal }: Upload): Promise<T> {
  const headers = { ...(await authHeaders(config)), 'Idempotency-Key': idempotencyKey }
  return new Promise<T>((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open('POST', urlOf(config, path))
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value)
    xhr.upload.onprogress = (event) => onProgress(event.lengthComputable ? event.loaded / event.total : 0)
    xhr.onerror = () => reject(unreachable())
    xhr.onabort = () => reject(new DOMException('aborted', 'AbortError'))
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) resolve(JSON.parse(xhr.responseText) as T)
      else reject(problemFrom(xhr.status, xhr.responseText, (name) => xhr.getResponseHeader(name)))
    }
    signal?.addEventListener('abort', () => xhr.abort(), { once: true })
    xhr.send(form)
  })
}
