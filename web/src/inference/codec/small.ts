/** The small form of an embedding (docs/codec.md) → float32 tensors. */
import { unreadable, type Payload } from '../container'
import { planeModel, UNIT, type Area, type Basis, type TensorBasis } from './basis'
import { decodePlanes } from './planes'

export interface SmallHeader {
  readonly basis: string
  /** Quantisation steps of the image's part and the padding's, in millionths. */
  readonly steps: readonly [number, number]
  readonly tensors: readonly SmallTensor[]
}

interface SmallTensor {
  readonly name: string
  /** [1, C, side, side] */
  readonly shape: readonly number[]
  /** Cells (width, height) that the image covers; the padding lies below or beside. */
  readonly content: readonly [number, number]
  /** Bytes of the image's part and the padding's. */
  readonly bytes: readonly number[]
}

interface Region {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
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
    const data = new Float32Array(tensor.channels * side * side)
    regionsOf(entry, side, tensor, header.steps).forEach((region, part) => {
      const bytes = new Uint8Array(payload.take(entry.bytes[part] ?? -1))
      const planes = decodePlanes(bytes, region.width, region.height, planeModel(tensor, region.area, region.step))
      if (!planes) throw unreadable('truncated')
      toChannels(planes, region, tensor, data, side)
    })
    return { name: tensor.name, shape: entry.shape, data }
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

/** channels = inverseᵀ · coefficients + mean. Most coefficients are 0, so each position adds up only those that are not. */
function toChannels(planes: Int32Array, region: Region, tensor: TensorBasis, data: Float32Array, side: number): void {
  const { channels, rank, inverse } = tensor
  const size = region.width * region.height
  const scale = region.step / UNIT
  const sums = new Float32Array(channels)
  for (let i = 0; i < size; i++) {
    sums.set(region.area.mean)
    for (let k = 0; k < rank; k++) {
      const coefficient = planes[k * size + i] ?? 0
      if (coefficient !== 0) addRow(sums, inverse, k * channels, coefficient * scale)
    }
    const at = (region.y + Math.floor(i / region.width)) * side + region.x + (i % region.width)
    for (let c = 0; c < channels; c++) data[c * side * side + at] = sums[c] ?? 0
  }
}

function addRow(sums: Float32Array, rows: Float32Array, from: number, weight: number): void {
  for (let c = 0; c < sums.length; c++) sums[c] = (sums[c] ?? 0) + weight * (rows[from + c] ?? 0)
}
