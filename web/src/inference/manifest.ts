/** The part of a model's manifest (DESIGN §6) that the browser needs. */
import type { DynamicMultimask } from '../editor/decode/choose'
import type { Fit } from '../editor/geometry/frame'
import type { RemoteFile } from './download'

export interface ModelManifest {
  readonly name: string
  readonly revision: string
  readonly fit: Fit
  readonly decoder: RemoteFile
  /** What unpacks embeddings; null where the model sends them in half precision. */
  readonly codecBasis: RemoteFile | null
  readonly dynamicMultimask: DynamicMultimask | null
  /** Shapes of the embedding's tensors, in the order of the container. */
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[]
}
