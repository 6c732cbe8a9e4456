/**
 * A coarse alpha made finer by the image's colours: the twin of app/matting/guided.py, which names the sources; both are held
 * together by tests/golden/edges. Window sums come from summed-area tables, so that time does not grow with the window.
 */
import { axisOf, type Axis } from '../decode/resample'
import type { Size } from '../geometry/spaces'
import { Sums } from './sums'

/** 0…1. */
export interface Alpha extends Size {
  readonly data: Float32Array
}

/** 0…255, interleaved; `stride` numbers per pixel, of which the first three are r, g, b. */
export interface Colours extends Size {
  readonly data: Float32Array | Uint8ClampedArray
  readonly stride: number
}

/** Coarse cells per fine pixel, at most 1; the origins coincide. */
export interface Scale {
  readonly x: number
  readonly y: number
}

export interface Manner {
  readonly radius: number
  readonly corrections: number
  readonly stretches: number
}

/** Levels² added to the colours' variance: 1 % of the range is sensor and JPEG noise. */
const NOISE = 6.5
/** Distance between the class means above which colour decides alone and below which it has no say. */
const SURE = 0.5
const UNSURE = 0.2
/** The four coefficients of alpha = c0·r + c1·g + c2·b + c3. */
const TERMS = 4

/** Alpha at the size of `fineColours`; what lies away from the edge stays exactly 0 or 1. */
export function finer(coarse: Alpha, coarseColours: Colours, fineColours: Colours, scale: Scale, manner: Manner): Alpha {
  const undecided = bandOf(coarse, manner.radius)
  const coefficients = averaged(regressed(coarseColours, coarse, undecided, manner.radius), coarse, undecided, manner.radius)
  const columns = axisOf(coarse.width, fineColours.width, scale.x)
  const rows = axisOf(coarse.height, fineColours.height, scale.y)
  const { alpha, places } = spread(coarse, undecided, columns, rows)
  const start = geometric(coarse, places, columns, rows, scale)
  applied(coefficients, coarse.width, fineColours, alpha, places, columns, rows)
  const reach = Math.max(2, roundHalfEven((manner.radius + 1.5) / Math.max(scale.x, scale.y)))
  for (let i = 0; i < manner.stretches; i++) stretched(alpha, places, start, reach)
  for (let i = 0; i < manner.corrections; i++) corrected(alpha, coarse, undecided, places, columns, rows, scale)
  return settled(alpha)
}

/** Values within 1/255 of 0 or 1 are that, in place. */
export function settled(alpha: Alpha): Alpha {
  const { data } = alpha
  for (let i = 0; i < data.length; i++) {
    const value = data[i] ?? 0
    if (value < 1 / 255) data[i] = 0
    else if (value > 254 / 255) data[i] = 1
  }
  return alpha
}

/** Area means of `values` over each cell of a grid of `to`. */
export function cellMeans(values: Alpha, scale: Scale, to: Size): Alpha {
  const data = new Float32Array(to.width * to.height)
  for (let row = 0; row < to.height; row++) {
    for (let column = 0; column < to.width; column++) data[row * to.width + column] = cellMean(values, row, column, scale)
  }
  return { data, ...sizeOf(to) }
}

export const sizeOf = ({ width, height }: Size): Size => ({ width, height })
const clamp01 = (value: number): number => Math.min(1, Math.max(0, value))

/** As Python rounds: the reach must be the same there. */
function roundHalfEven(value: number): number {
  const low = Math.floor(value)
  if (value - low !== 0.5) return Math.round(value)
  return low % 2 === 0 ? low : low + 1
}

/** 1 where any value within `reach` cells is neither 0 nor 1, or differs from the cell's own. */
function bandOf(alpha: Alpha, reach: number): Uint8Array {
  const { data, width } = alpha
  const sums = new Sums(alpha, 2, (i, into) => {
    into[0] = data[i] === 1 ? 1 : 0
    into[1] = data[i] === 0 ? 1 : 0
  })
  const out = new Uint8Array(data.length)
  const counts = new Float64Array(2)
  eachWindow(alpha, reach, null, (x, y, x0, y0, x1, y1) => {
    const all = (x1 - x0) * (y1 - y0)
    sums.of(x0, y0, x1, y1, 1, counts)
    out[y * width + x] = counts[0] === all || counts[1] === all ? 0 : 1
  })
  return out
}

type Window = (x: number, y: number, x0: number, y0: number, x1: number, y1: number) => void

/** The (2·radius + 1)² window of each cell of the band, cut at the border; of every cell without a band. */
function eachWindow({ width, height }: Size, radius: number, band: Uint8Array | null, work: Window): void {
  for (let y = 0; y < height; y++) {
    const y0 = Math.max(y - radius, 0)
    const y1 = Math.min(y + radius + 1, height)
    for (let x = 0; x < width; x++) {
      if (band?.[y * width + x] === 0) continue
      work(x, y, Math.max(x - radius, 0), y0, Math.min(x + radius + 1, width), y1)
    }
  }
}

/** Ridge regression of alpha on colour in the (2·radius + 1)² window of each cell of the band; [h × w × TERMS]. */
function regressed(colours: Colours, alpha: Alpha, band: Uint8Array, radius: number): Float32Array {
  const out = new Float32Array(alpha.data.length * TERMS)
  for (let i = 0; i < alpha.data.length; i++) out[i * TERMS + 3] = alpha.data[i] ?? 0
  const sums = new Sums(alpha, MOMENTS, (i, into) => moments(colours, i, alpha.data[i] ?? 0, into))
  const means = new Float64Array(MOMENTS)
  eachWindow(alpha, radius, band, (x, y, x0, y0, x1, y1) => {
    sums.of(x0, y0, x1, y1, 1 / ((y1 - y0) * (x1 - x0)), means)
    solve(means, out, (y * alpha.width + x) * TERMS)
  })
  return out
}

/** r, g, b, a, rr, rg, rb, gg, gb, bb, ra, ga, ba of a pixel: what the regression needs. */
const MOMENTS = 13

function moments({ data, stride }: Colours, i: number, a: number, into: Float64Array): void {
  const r = data[i * stride] ?? 0
  const g = data[i * stride + 1] ?? 0
  const b = data[i * stride + 2] ?? 0
  into[0] = r
  into[1] = g
  into[2] = b
  into[3] = a
  into[4] = r * r
  into[5] = r * g
  into[6] = r * b
  into[7] = g * g
  into[8] = g * b
  into[9] = b * b
  into[10] = r * a
  into[11] = g * a
  into[12] = b * a
}

/** The 3×3 system of the window's covariances, by Cramer's rule. */
function solve(m: Float64Array, out: Float32Array, at: number): void {
  const [r = 0, g = 0, b = 0, a = 0, rr = 0, rg = 0, rb = 0, gg = 0, gb = 0, bb = 0, ra = 0, ga = 0, ba = 0] = m
  const s00 = rr - r * r + NOISE
  const s01 = rg - r * g
  const s02 = rb - r * b
  const s11 = gg - g * g + NOISE
  const s12 = gb - g * b
  const s22 = bb - b * b + NOISE
  const c0 = ra - r * a
  const c1 = ga - g * a
  const c2 = ba - b * a
  const i00 = s11 * s22 - s12 * s12
  const i01 = s02 * s12 - s01 * s22
  const i02 = s01 * s12 - s02 * s11
  const d = 1 / (s00 * i00 + s01 * i01 + s02 * i02)
  const a0 = (i00 * c0 + i01 * c1 + i02 * c2) * d
  const a1 = (i01 * c0 + (s00 * s22 - s02 * s02) * c1 + (s02 * s01 - s00 * s12) * c2) * d
  const a2 = (i02 * c0 + (s02 * s01 - s00 * s12) * c1 + (s00 * s11 - s01 * s01) * c2) * d
  out[at] = a0
  out[at + 1] = a1
  out[at + 2] = a2
  out[at + 3] = a - a0 * r - a1 * g - a2 * b
}

/** Mean over all windows that hold the cell. */
function averaged(coefficients: Float32Array, size: Size, band: Uint8Array, radius: number): Float32Array {
  const sums = new Sums(size, TERMS, (i, into) => {
    for (let k = 0; k < TERMS; k++) into[k] = coefficients[i * TERMS + k] ?? 0
  })
  const out = coefficients.slice()
  const mean = new Float64Array(TERMS)
  eachWindow(size, radius, band, (x, y, x0, y0, x1, y1) => {
    sums.of(x0, y0, x1, y1, 1 / ((y1 - y0) * (x1 - x0)), mean)
    out.set(mean, (y * size.width + x) * TERMS)
  })
  return out
}

/** Indices of the four coarse samples around a fine place, and the fractions between them. */
interface Corners {
  a: number
  b: number
  c: number
  d: number
  fx: number
  fy: number
}

function cornersAt(place: number, width: number, coarseWidth: number, columns: Axis, rows: Axis, out: Corners): void {
  const y = Math.floor(place / width)
  const x = place - y * width
  const top = (rows.low[y] ?? 0) * coarseWidth
  const bottom = (rows.high[y] ?? 0) * coarseWidth
  out.a = top + (columns.low[x] ?? 0)
  out.b = top + (columns.high[x] ?? 0)
  out.c = bottom + (columns.low[x] ?? 0)
  out.d = bottom + (columns.high[x] ?? 0)
  out.fx = columns.part[x] ?? 0
  out.fy = rows.part[y] ?? 0
}

const corners = (): Corners => ({ a: 0, b: 0, c: 0, d: 0, fx: 0, fy: 0 })

/** Alpha with the decided cells' values, and the pixels that interpolate at least one undecided cell. */
function spread(coarse: Alpha, undecided: Uint8Array, columns: Axis, rows: Axis): { alpha: Alpha; places: Int32Array } {
  const [width, height] = [columns.low.length, rows.low.length]
  const data = new Float32Array(width * height)
  const places = new Int32Array(width * height)
  let count = 0
  for (let y = 0; y < height; y++) {
    const top = (rows.low[y] ?? 0) * coarse.width
    const bottom = (rows.high[y] ?? 0) * coarse.width
    for (let x = 0; x < width; x++) {
      const left = columns.low[x] ?? 0
      const right = columns.high[x] ?? 0
      const i = y * width + x
      data[i] = coarse.data[top + left] ?? 0
      if (undecided[top + left] || undecided[top + right] || undecided[bottom + left] || undecided[bottom + right]) places[count++] = i
    }
  }
  return { alpha: { data, width, height }, places: places.slice(0, count) }
}

/** Alpha by geometry alone: the 0.5 level of the bilinear surface drawn one pixel wide. */
function geometric(coarse: Alpha, places: Int32Array, columns: Axis, rows: Axis, scale: Scale): Float32Array {
  const at = corners()
  const { data } = coarse
  const out = new Float32Array(places.length)
  for (let n = 0; n < out.length; n++) {
    cornersAt(places[n] ?? 0, columns.low.length, coarse.width, columns, rows, at)
    const [a, b, c, d] = [data[at.a] ?? 0, data[at.b] ?? 0, data[at.c] ?? 0, data[at.d] ?? 0]
    const top = a + (b - a) * at.fx
    const bottom = c + (d - c) * at.fx
    const gradient = Math.hypot(((b - a) * (1 - at.fy) + (d - c) * at.fy) * scale.x, (bottom - top) * scale.y)
    out[n] = clamp01(0.5 + (top + (bottom - top) * at.fy - 0.5) / Math.min(1, Math.max(1e-6, gradient)))
  }
  return out
}

/** a·I + b, clamped, into the places of `alpha`. */
function applied(
  coefficients: Float32Array, coarseWidth: number, colours: Colours, alpha: Alpha, places: Int32Array, columns: Axis, rows: Axis,
): void {
  const at = corners()
  for (const place of places) {
    cornersAt(place, alpha.width, coarseWidth, columns, rows, at)
    let value = 0
    for (let k = 0; k < TERMS; k++) {
      const a = coefficients[at.a * TERMS + k] ?? 0
      const c = coefficients[at.c * TERMS + k] ?? 0
      const top = a + ((coefficients[at.b * TERMS + k] ?? 0) - a) * at.fx
      const bottom = c + ((coefficients[at.d * TERMS + k] ?? 0) - c) * at.fx
      value += (top + (bottom - top) * at.fy) * (k < 3 ? (colours.data[place * colours.stride + k] ?? 0) : 1)
    }
    alpha.data[place] = clamp01(value)
  }
}

/** Local means of the two classes, each pixel weighed by alpha² or (1 - alpha)², moved to 0 and 1. */
function stretched(alpha: Alpha, places: Int32Array, start: Float32Array, reach: number): void {
  const { data, width, height } = alpha
  const sums = new Sums(alpha, 3, (i, into) => {
    const a = data[i] ?? 0
    into[0] = a
    into[1] = a * a
    into[2] = a * a * a
  })
  const powers = new Float64Array(3)
  places.forEach((place, n) => {
    const own = data[place] ?? 0
    const geometry = start[n] ?? 0
    if ((own === 0 || own === 1) && own === geometry) return // nothing below can move it
    const y = Math.floor(place / width)
    const x = place - y * width
    const [x0, y0] = [Math.max(x - reach, 0), Math.max(y - reach, 0)]
    const [x1, y1] = [Math.min(x + reach + 1, width), Math.min(y + reach + 1, height)]
    sums.of(x0, y0, x1, y1, 1, powers)
    const [total = 0, squares = 0, cubes = 0] = powers
    const zeros = (x1 - x0) * (y1 - y0) - 2 * total + squares // sum of (1 - a)²
    const high = squares > 0.5 ? cubes / squares : 1
    const low = zeros > 0.5 ? (total - 2 * squares + cubes) / zeros : 0
    const trust = clamp01((high - low - UNSURE) / (SURE - UNSURE))
    data[place] = trust * clamp01((own - low) / Math.max(high - low, 0.15)) + (1 - trust) * geometry
  })
}

/** What the means of the undecided cells lack is added to the places, interpolated. */
function corrected(
  alpha: Alpha, coarse: Alpha, undecided: Uint8Array, places: Int32Array, columns: Axis, rows: Axis, scale: Scale,
): void {
  const lack = new Float32Array(coarse.data.length)
  for (let row = 0; row < coarse.height; row++) {
    for (let column = 0; column < coarse.width; column++) {
      const i = row * coarse.width + column
      if (undecided[i]) lack[i] = (coarse.data[i] ?? 0) - cellMean(alpha, row, column, scale)
    }
  }
  const at = corners()
  for (const place of places) {
    cornersAt(place, alpha.width, coarse.width, columns, rows, at)
    const top = (lack[at.a] ?? 0) + ((lack[at.b] ?? 0) - (lack[at.a] ?? 0)) * at.fx
    const bottom = (lack[at.c] ?? 0) + ((lack[at.d] ?? 0) - (lack[at.c] ?? 0)) * at.fx
    alpha.data[place] = clamp01((alpha.data[place] ?? 0) + top + (bottom - top) * at.fy)
  }
}

/** Mean of `values` over the cell, pixels weighed by the part of them that lies in it. */
function cellMean({ data, width, height }: Alpha, row: number, column: number, scale: Scale): number {
  const top = row / scale.y
  const bottom = Math.min((row + 1) / scale.y, height)
  const left = column / scale.x
  const right = Math.min((column + 1) / scale.x, width)
  let total = 0
  let weight = 0
  for (let y = Math.floor(top); y < Math.min(Math.ceil(bottom), height); y++) {
    const wy = Math.min(y + 1, bottom) - Math.max(y, top)
    for (let x = Math.floor(left); x < Math.min(Math.ceil(right), width); x++) {
      const w = wy * (Math.min(x + 1, right) - Math.max(x, left))
      total += w * (data[y * width + x] ?? 0)
      weight += w
    }
  }
  return total / Math.max(weight, 1e-9)
}
