/** `/models/manifest.json` → what the inference engine needs of it. */
import type { RemoteFile } from '../inference/download'
import type { ModelManifest } from '../inference/manifest'
import { ApiError } from './http'

/** The document, as far as it is read here (models/manifest.py, app/api/models.py). */
export interface ManifestDocument {
  readonly name: string
  readonly revision: string
  readonly geometry: { readonly fit: 'pad' | 'stretch' }
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[]
  readonly decoder: { readonly stability: { readonly delta: number; readonly threshold: number } | null }
  readonly files: readonly { readonly role: string; readonly sha256: string; readonly bytes: number; readonly url: string }[]
}

export function browserManifest(document: ManifestDocument, urlOf: (path: string) => string): ModelManifest {
  const remote = (role: string): RemoteFile | null => {
    const file = document.files.find((one) => one.role === role)
    return file ? { url: urlOf(file.url), sha256: file.sha256, bytes: file.bytes } : null
  }
  const decoder = remote('decoder')
  if (!decoder) throw new ApiError('no_decoder', `the model ${document.name} has no decoder for browsers`, 0)
  return {
    name: document.name,
    revision: document.revision,
    fit: document.geometry.fit,
    tensors: document.tensors,
    dynamicMultimask: document.decoder.stability,
    decoder,
    codecBasis: remote('codec_basis'),
  }
}
