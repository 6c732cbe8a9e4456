/** Quantised planes from their bytes: the reading half of app/segmentation/entropy.py, number for number. */
import { RangeReader } from './range'

const LEVELS = 20
const UNARY = 14
const ZERO = 0
const MAGNITUDE = ZERO + LEVELS * 3
const SIGN = MAGNITUDE + LEVELS * UNARY
const USED = SIGN + 16
const CONTEXTS = USED + 2
const ACTIVITY = 4096
const LARGEST = 1023
const THIRD = 42
const LONGEST_ESCAPE = 24

/** What is known of K planes beforehand. */
export interface PlaneModel {
  /** [K, 4] weights of left, up, up-left, up-right in 1/256. */
  readonly predictor: Int16Array
  /** [K] usual size of what the predictor leaves, in 1/16, at least 1. */
  readonly spread: Int32Array
}

/** By activity (expected size in 1/16): the context level, two an octave; how many low bits are raw. */
const LEVEL = new Uint8Array(ACTIVITY)
const RAW = new Uint8Array(ACTIVITY)
for (let activity = 0; activity < ACTIVITY; activity++) {
  const octave = 28 - Math.clz32(Math.max(activity, 8)) // floor(log2(activity / 8))
  const level = activity < 8 ? activity >> 1 : 4 + 2 * octave + ((activity >> (octave + 2)) & 1)
  LEVEL[activity] = Math.min(level, LEVELS - 1)
  RAW[activity] = activity <= 64 ? 0 : 32 - Math.clz32(Math.ceil((activity + 1) / 65) - 1)
}

interface Plane {
  readonly values: Int32Array
  readonly errors: Int32Array
  readonly width: number
}

/** int32 [K, height, width]; null when the bytes end too early. */
export function decodePlanes(bytes: Uint8Array, width: number, height: number, model: PlaneModel): Int32Array | null {
  const count = model.spread.length
  const size = width * height
  const reader = new RangeReader(bytes, CONTEXTS)
  const planes = new Int32Array(count * size)
  const errors = new Int32Array(count * size)
  const still = new Int32Array(size)
  for (let k = 0; k < count; k++) {
    if (!reader.bit(USED + (k ? 1 : 0))) continue
    const place = (of: number): Int32Array => (of < 0 ? still : errors.subarray(of * size, (of + 1) * size))
    const plane = { values: planes.subarray(k * size, (k + 1) * size), errors: place(k), width }
    const usual = model.spread[k] ?? 1
    const before = (model.spread[k - 1] ?? 0) + (model.spread[k - 2] ?? 0)
    const ratio = k ? Math.min(Math.floor((usual * 256) / Math.max(before, 1)), 1 << 12) : 0
    readPlane(reader, plane, place(k - 1), place(k - 2), model.predictor.subarray(4 * k, 4 * k + 4), usual, ratio)
    if (reader.overrun) return null
  }
  return reader.overrun ? null : planes
}

function readPlane(
  reader: RangeReader,
  { values, errors, width }: Plane,
  first: Int32Array,
  second: Int32Array,
  weights: Int16Array,
  usual: number,
  ratio: number,
): void {
  const [toLeft = 0, toUp = 0, toCorner = 0, toRight = 0] = weights
  const toAll = toLeft + toUp + toCorner + toRight
  for (let i = 0, x = 0; i < values.length; i++, x = x + 1 === width ? 0 : x + 1) {
    let guess = 0
    let error = (6 * usual) >> 4
    if (i >= width) {
      const up = i - width
      const left = x ? i - 1 : up
      const corner = x ? up - 1 : up
      const right = x + 1 < width ? up + 1 : up
      guess = toLeft * (values[left] ?? 0) + toUp * (values[up] ?? 0) + toCorner * (values[corner] ?? 0) + toRight * (values[right] ?? 0)
      error = 2 * (errors[left] ?? 0) + 2 * (errors[up] ?? 0) + (errors[corner] ?? 0) + (errors[right] ?? 0)
    } else if (i > 0) {
      guess = toAll * (values[i - 1] ?? 0)
      error = 6 * (errors[i - 1] ?? 0)
    }
    const below = Math.min((16 * ((first[i] ?? 0) + (second[i] ?? 0)) * ratio) >> 8, 16383)
    const activity = Math.min(Math.floor(((6 * usual + 64 * error + 12 * below) * 1561) / 65536), ACTIVITY - 1)
    const rounded = (guess + 128) >> 8
    const value = readValue(reader, guess - (rounded << 8), LEVEL[activity] ?? 0, RAW[activity] ?? 0)
    errors[i] = Math.min(Math.abs(value), LARGEST)
    values[i] = rounded + value
  }
}

/** One leftover; `fraction`: how far the prediction lay from its rounding, in 1/256. */
function readValue(reader: RangeReader, fraction: number, level: number, raw: number): number {
  const side = fraction < -THIRD ? 0 : fraction > THIRD ? 2 : 1
  if (!reader.bit(ZERO + level * 3 + side)) return 0
  const positive = reader.bit(SIGN + ((fraction + 128) >> 4))
  let high = 0
  while (high < UNARY && reader.bit(MAGNITUDE + level * UNARY + high)) high++
  if (high === UNARY) high += readEscape(reader)
  const size = (high << raw) + reader.bits(raw) + 1
  return positive ? size : -size
}

/** Exponential Golomb code of order 0. */
function readEscape(reader: RangeReader): number {
  let length = 0
  while (length < LONGEST_ESCAPE && reader.bits(1)) length++
  return (1 << length) + reader.bits(length) - 1
}
