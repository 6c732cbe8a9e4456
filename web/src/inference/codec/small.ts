/** The small form of an embedding (docs/codec.md) → float32 tensors. */
import { unreadable, type Payload } from '../container'
import { planeModel, UNIT, type Area, type Basis, type TensorBasis } from './basis'
import { Unpacking, type Cells } from './unpack'

export interface SmallHeader {
  readonly basis: string
  /** Quantisation steps of the image's part and the padding's, in millionths. */
  readonly steps: readonly [number, number]
  readonly tensors: readonly SmallTensor[]
}

/** Of SAM 2.1's finest tensor; a damaged header must not ask for gigabytes. */
const LARGEST_SIDE = 256

interface SmallTensor {
  readonly name: string
  /** [1, C, side, side] */
  readonly shape: readonly number[]
  /** Cells (width, height) that the image covers; the padding lies below or beside. */
  readonly content: readonly [number, number]
  /** Bytes of the image's part and the padding's. */
  readonly bytes: readonly number[]
}

interface Region extends Cells {
  readonly area: Area
  readonly step: number
}

/** Raises embedding_unreadable, for the wrong basis too. */
export function decodeSmall(
  header: SmallHeader,
  payload: Payload,
  basis: Basis | null,
): readonly { name: string; shape: readonly number[]; data: Float32Array }[] {
  if (basis?.id !== header.basis) throw unreadable(`it was packed with the basis ${header.basis}`)
  return basis.tensors.map((tensor, index) => {
    const entry = header.tensors[index]
    if (entry?.name !== tensor.name || entry.shape[1] !== tensor.channels) throw unreadable('damaged header')
    const side = entry.shape[2] ?? 0
    if (entry.shape[3] !== side || side > LARGEST_SIDE) throw unreadable('damaged header')
    const unpacking = new Unpacking(tensor.channels, side)
    regionsOf(entry, side, tensor, header.steps).forEach((region, part) => {
      const bytes = new Uint8Array(payload.take(entry.bytes[part] ?? -1))
      const transform = { inverse: tensor.inverse, mean: region.area.mean, scale: region.step / UNIT }
      if (!unpacking.part(bytes, region, planeModel(tensor, region.area, region.step), transform)) throw unreadable('truncated')
    })
    return { name: tensor.name, shape: entry.shape, data: unpacking.result() }
  })
}

function regionsOf(entry: SmallTensor, side: number, tensor: TensorBasis, steps: readonly [number, number]): Region[] {
  const [width, height] = entry.content
  if (!(width > 0 && height > 0 && Math.max(width, height) === side)) throw unreadable('damaged header')
  const regions = [{ x: 0, y: 0, width, height, area: tensor.image, step: steps[0] }]
  const rest = { area: tensor.padding, step: steps[1] }
  if (height < side) regions.push({ x: 0, y: height, width: side, height: side - height, ...rest })
  else if (width < side) regions.push({ x: width, y: 0, width: side - width, height: side, ...rest })
  return regions
}
