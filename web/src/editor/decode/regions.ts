/**
 * Regions of a mask: depth, components, and few points that say much. The twin of scipy's and of app/segmentation/spread.py.
 * Plain loops over what a region covers, not over the raster: a click takes several distances, beside its decode.
 */
import type { Size } from '../geometry/spaces'

/** One byte a pixel, 1 inside. */
export type Region = Uint8Array

/** The pixels that are `inside`. A loop: `Uint8Array.from` goes by the iterator, ten times slower. */
export function regionOf(length: number, inside: (i: number) => boolean): Region {
  const out = new Uint8Array(length)
  for (let i = 0; i < length; i++) if (inside(i)) out[i] = 1
  return out
}

/** A rectangle of a raster's pixels; it may reach beyond the raster. */
interface Part {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Distance of each pixel of `region` to the nearest pixel outside it; what lies beyond the raster is outside. */
export function depthOf(region: Region, size: Size): Float64Array {
  const out = new Float64Array(region.length)
  const part = partOf(region, size, 1)
  if (!part) return out
  const squares = squaresTo(0, region, size, part)
  for (let y = 1; y < part.height - 1; y++) {
    const to = (part.y + y) * size.width + part.x
    for (let x = 1; x < part.width - 1; x++) out[to + x] = Math.sqrt(squares[y * part.width + x] ?? 0)
  }
  return out
}

/** The greatest depth, of all pixels or of those `at`; 0 without any. */
export function deepest(depth: Float64Array, at?: Region): number {
  let most = 0
  if (at) for (let i = at.indexOf(1); i >= 0; i = at.indexOf(1, i + 1)) most = Math.max(most, depth[i] ?? 0)
  else for (let i = 0; i < depth.length; i++) most = Math.max(most, depth[i] ?? 0)
  return most
}

/** Pixels at most `distance` from `region`; none where it is empty. */
export function within(region: Region, size: Size, distance: number): Region {
  const wide = partOf(region, size, Math.ceil(distance))
  if (!wide) return region
  const part = clipped(wide, size)
  const squares = squaresTo(1, region, size, part)
  const out = new Uint8Array(region.length)
  for (let y = 0, i = 0; y < part.height; y++) {
    const to = (part.y + y) * size.width + part.x
    for (let x = 0; x < part.width; x++, i++) if (Math.sqrt(squares[i] ?? 0) <= distance) out[to + x] = 1
  }
  return out
}

/** The rectangle about `region`, `room` wider on each side; null where it is empty. */
function partOf(region: Region, { width }: Size, room: number): Part | null {
  const first = region.indexOf(1)
  if (first < 0) return null
  const top = Math.floor(first / width)
  const bottom = Math.floor(region.lastIndexOf(1) / width)
  let left = width
  let right = -1
  for (let y = top; y <= bottom; y++) {
    const row = region.subarray(y * width, (y + 1) * width)
    const start = row.indexOf(1)
    if (start >= 0 && start < left) left = start
    right = Math.max(right, row.lastIndexOf(1))
  }
  return { x: left - room, y: top - room, width: right - left + 1 + 2 * room, height: bottom - top + 1 + 2 * room }
}

function clipped(part: Part, size: Size): Part {
  const x = Math.max(0, part.x)
  const y = Math.max(0, part.y)
  return { x, y, width: Math.min(size.width, part.x + part.width) - x, height: Math.min(size.height, part.y + part.height) - y }
}

/** Beyond any distance in a raster; infinity would make the parabolas' crossings NaN. */
const FAR = 1e5

/**
 * Squared distance of each pixel of `part` to the part's nearest that is `wanted`, exact; beyond the raster all pixels are 0.
 * Columns by counting, rows by parabolas: Felzenszwalb, Huttenlocher, "Distance Transforms of Sampled Functions", 2012.
 */
function squaresTo(wanted: 0 | 1, region: Region, size: Size, part: Part): Float64Array {
  const { width } = part
  const out = stepsTo(wanted, region, size, part)
  const scratch = { line: new Float64Array(width), from: new Float64Array(width + 1), site: new Int32Array(width) }
  for (let start = 0; start < out.length; start += width) sweep(out.subarray(start, start + width), scratch)
  return out
}

/** The way up or down its column from each pixel to the nearest that is `wanted`. */
function stepsTo(wanted: 0 | 1, region: Region, size: Size, { x: left, y: top, width, height }: Part): Float64Array {
  const out = new Float64Array(width * height)
  for (let y = 0, i = 0; y < height; y++) {
    const row = top + y
    const onRaster = row >= 0 && row < size.height
    for (let x = 0; x < width; x++, i++) {
      const column = left + x
      const inside = onRaster && column >= 0 && column < size.width ? region[row * size.width + column] : 0
      if (inside !== wanted) out[i] = y === 0 ? FAR : (out[i - width] ?? 0) + 1
    }
  }
  for (let i = out.length - width - 1; i >= 0; i--) {
    const below = (out[i + width] ?? 0) + 1
    if (below < (out[i] ?? 0)) out[i] = below
  }
  return out
}

interface Scratch {
  readonly line: Float64Array
  readonly from: Float64Array
  readonly site: Int32Array
}

/** Distances down the columns of one row → squared distances in the plane: the lower envelope of a parabola per column. */
function sweep(row: Float64Array, { line, from, site }: Scratch): void {
  for (let x = 0; x < row.length; x++) line[x] = (row[x] ?? 0) ** 2
  let last = 0
  site[0] = 0
  from[0] = -Infinity
  for (let x = 1; x < row.length; x++) {
    const height = (line[x] ?? 0) + x * x
    let other = site[last] ?? 0
    let at = (height - (line[other] ?? 0) - other * other) / (2 * (x - other))
    while (last > 0 && at <= (from[last] ?? 0)) {
      other = site[--last] ?? 0
      at = (height - (line[other] ?? 0) - other * other) / (2 * (x - other))
    }
    site[++last] = x
    from[last] = at
  }
  from[last + 1] = Infinity
  for (let x = 0, k = 0; x < row.length; x++) {
    while ((from[k + 1] ?? 0) < x) k++
    const nearest = site[k] ?? 0
    row[x] = (x - nearest) * (x - nearest) + (line[nearest] ?? 0)
  }
}

/** The 4-connected components of `region` that `to` meets. */
export function connected(region: Region, to: Region, { width, height }: Size): Region {
  const out = new Uint8Array(region.length)
  const open = new Int32Array(region.length)
  let count = 0
  const visit = (i: number): void => {
    if (!region[i] || out[i]) return
    out[i] = 1
    open[count++] = i
  }
  for (let seed = to.indexOf(1); seed >= 0; seed = to.indexOf(1, seed + 1)) visit(seed)
  while (count > 0) {
    const i = open[--count] ?? 0
    const x = i % width
    if (x > 0) visit(i - 1)
    if (x < width - 1) visit(i + 1)
    if (i >= width) visit(i - width)
    if (i < (height - 1) * width) visit(i + width)
  }
  return out
}

/** At most `count` pixel centres: the deepest, then what is deep and far from it. */
export function deepestPoints(region: Region, size: Size, count: number): { x: number; y: number }[] {
  const room = depthOf(region, size)
  const points: { x: number; y: number }[] = []
  while (points.length < count) {
    const best = highest(room)
    if (!(room[best] ?? 0)) break
    const x = best % size.width
    const y = Math.floor(best / size.width)
    points.push({ x: x + 0.5, y: y + 0.5 })
    if (points.length < count) keepAway(room, size, x, y)
  }
  return points
}

/** Index of the first of the highest values. */
function highest(values: Float64Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i
  return best
}

/** No pixel has more room than half its distance to (x, y). */
function keepAway(room: Float64Array, { width, height }: Size, x: number, y: number): void {
  for (let row = 0, i = 0; row < height; row++) {
    for (let column = 0; column < width; column++, i++) {
      if (room[i]) room[i] = Math.min(room[i] ?? 0, Math.hypot(column - x, row - y) / 2)
    }
  }
}
