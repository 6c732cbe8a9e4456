/** The embedding container (app/segmentation/codec.py) → float32 tensors. */
import { Fault } from './errors'

export interface EmbeddingTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export function decodeEmbedding(bytes: ArrayBuffer): readonly EmbeddingTensor[] {
  throw new Fault('embedding_unreadable', `${bytes.byteLength} bytes of an unknown container`)
}
