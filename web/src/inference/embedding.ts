/** An embedding (app/segmentation/codec.py) → float32 tensors, from either of its forms. */
import type { Basis } from './codec/basis'
import { decodeSmall, type SmallHeader } from './codec/small'
import { openContainer, unreadable, type Payload } from './container'
import { fromHalves } from './halves'

export interface EmbeddingTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array
}

interface HalfHeader {
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly bytes: number }[]
}

/** `basis`: the model's, which the small form needs. Raises embedding_unreadable. */
export function decodeEmbedding(container: ArrayBuffer, basis: Basis | null = null): readonly EmbeddingTensor[] {
  const { header, payload } = openContainer(container)
  try {
    return decodeTensors(header, payload, basis)
  } catch (error) {
    // a header that lacks an entry, or asks for more memory than there is
    if (error instanceof TypeError || error instanceof RangeError) throw unreadable('damaged header')
    throw error
  }
}

function decodeTensors(header: unknown, payload: Payload, basis: Basis | null): readonly EmbeddingTensor[] {
  const { codec } = header as { codec: string }
  if (codec === 'fp16') return decodeHalves(header as HalfHeader, payload)
  if (codec === 'kl1') return decodeSmall(header as SmallHeader, payload, basis)
  throw unreadable(`unknown codec ${codec}`)
}

function decodeHalves(header: HalfHeader, payload: Payload): readonly EmbeddingTensor[] {
  return header.tensors.map(({ name, shape, bytes }) => {
    const length = shape.reduce((product, side) => product * side, 1)
    if (bytes !== length * 2) throw unreadable('truncated')
    return { name, shape, data: fromHalves(new Uint16Array(payload.take(bytes))) }
  })
}
