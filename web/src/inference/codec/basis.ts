/** The codec's basis (app/segmentation/basis.py): coefficients → channels. */
import { fromHalves } from '../halves'
import { openContainer, unreadable, type Payload } from '../container'
import type { PlaneModel } from './unpack'

/** Steps and spreads are whole millionths, so that every reader computes the same contexts. */
export const UNIT = 1_000_000

export interface Area {
  /** [C] */
  readonly mean: Float32Array
  /** [K] usual size of a coefficient's leftover after prediction, in millionths. */
  readonly spread: Int32Array
}

export interface TensorBasis {
  readonly name: string
  readonly rank: number
  readonly channels: number
  /** [K, C] what a coefficient of 1 adds to the channels. */
  readonly inverse: Float32Array
  /** [K, 4] */
  readonly predictor: Int16Array
  readonly image: Area
  readonly padding: Area
}

export interface Basis {
  readonly id: string
  readonly tensors: readonly TensorBasis[]
}

interface Header {
  readonly codec: string
  readonly id: string
  readonly tensors: readonly { readonly name: string; readonly rank: number; readonly channels: number }[]
}

/** Raises embedding_unreadable. */
export function parseBasis(container: ArrayBuffer): Basis {
  const opened = openContainer(container)
  const header = opened.header as Header
  const { payload } = opened
  if (header.codec !== 'basis1') throw unreadable('not a codec basis')
  const tensors = header.tensors.map(({ name, rank, channels }) => ({
    name,
    rank,
    channels,
    inverse: fromHalves(new Uint16Array(payload.take(rank * channels * 2))),
    predictor: new Int16Array(payload.take(rank * 8)),
    image: parseArea(payload, rank, channels),
    padding: parseArea(payload, rank, channels),
  }))
  return { id: header.id, tensors }
}

function parseArea(payload: Payload, rank: number, channels: number): Area {
  return { mean: new Float32Array(payload.take(channels * 4)), spread: new Int32Array(payload.take(rank * 4)) }
}

/** What the range coder knows of planes quantised with `step` millionths. */
export function planeModel(basis: TensorBasis, area: Area, step: number): PlaneModel {
  return { predictor: basis.predictor, spread: area.spread.map((spread) => Math.max(1, Math.floor((spread * 16) / step))) }
}
