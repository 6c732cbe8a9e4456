/** Regions of a mask: depth, components, and few points that say much. The twin of scipy's and of app/segmentation/spread.py. */
import type { Size } from '../geometry/spaces'

/** One byte a pixel, 1 inside. */
export type Region = Uint8Array

/** The pixels that are `inside`. A loop: `Uint8Array.from` goes by the iterator, ten times slower. */
export function regionOf(length: number, inside: (i: number) => boolean): Region {
  const out = new Uint8Array(length)
  for (let i = 0; i < length; i++) if (inside(i)) out[i] = 1
  return out
}

/** Distance of each pixel of `region` to the nearest pixel outside it; what lies beyond the raster is outside, if `bounded`. */
export function depthOf(region: Region, size: Size, bounded = true): Float64Array {
  const pad = bounded ? 1 : 0
  const width = size.width + 2 * pad
  const height = size.height + 2 * pad
  const squares = new Float64Array(width * height)
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) if (region[y * size.width + x]) squares[(y + pad) * width + x + pad] = FAR
  }
  const scratch = scratchFor(Math.max(width, height))
  for (let x = 0; x < width; x++) sweep(squares, x, width, height, scratch)
  for (let y = 0; y < height; y++) sweep(squares, y * width, 1, width, scratch)
  const out = new Float64Array(size.width * size.height)
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) out[y * size.width + x] = Math.sqrt(squares[(y + pad) * width + x + pad] ?? 0)
  }
  return out
}

/** Beyond any squared distance of a 258² raster; infinity would make the parabolas' crossings NaN. */
const FAR = 1e9

interface Scratch {
  readonly line: Float64Array
  readonly site: Int32Array
  readonly from: Float64Array
}

/** What every line of a raster is worked out in. */
function scratchFor(length: number): Scratch {
  return { line: new Float64Array(length), site: new Int32Array(length), from: new Float64Array(length + 1) }
}

/** Squared distances along one line, exact: Felzenszwalb, Huttenlocher, "Distance Transforms of Sampled Functions", 2012. */
function sweep(values: Float64Array, start: number, step: number, length: number, { line, site, from }: Scratch): void {
  for (let i = 0; i < length; i++) line[i] = values[start + i * step] ?? 0
  site[0] = 0
  const f = (i: number): number => line[i] ?? 0
  let last = 0
  from[0] = -Infinity
  for (let i = 1; i < length; i++) {
    const crossing = (): number => {
      const other = site[last] ?? 0
      return (f(i) + i * i - f(other) - other * other) / (2 * (i - other))
    }
    let at = crossing()
    while (last > 0 && at <= (from[last] ?? 0)) {
      last--
      at = crossing()
    }
    last++
    site[last] = i
    from[last] = at
  }
  from[last + 1] = Infinity
  for (let i = 0, k = 0; i < length; i++) {
    while ((from[k + 1] ?? Infinity) < i) k++
    const nearest = site[k] ?? 0
    values[start + i * step] = (i - nearest) ** 2 + f(nearest)
  }
}

/** Pixels at most `distance` from `region`; none where it is empty. */
export function within(region: Region, size: Size, distance: number): Region {
  if (!region.includes(1)) return region
  const far = depthOf(region.map((inside) => 1 - inside), size, false)
  return regionOf(far.length, (i) => (far[i] ?? 0) <= distance)
}

/** The 4-connected components of `region` that `to` meets. */
export function connected(region: Region, to: Region, { width, height }: Size): Region {
  const out = new Uint8Array(region.length)
  const open: number[] = []
  const visit = (i: number): void => {
    if (!region[i] || out[i]) return
    out[i] = 1
    open.push(i)
  }
  to.forEach((meets, i) => {
    if (meets) visit(i)
  })
  for (let i = open.pop(); i !== undefined; i = open.pop()) {
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
    let best = 0
    room.forEach((depth, i) => {
      if (depth > (room[best] ?? 0)) best = i
    })
    if (!(room[best] ?? 0)) break
    const x = best % size.width
    const y = Math.floor(best / size.width)
    points.push({ x: x + 0.5, y: y + 0.5 })
    if (points.length === count) break
    room.forEach((depth, i) => {
      room[i] = Math.min(depth, Math.hypot((i % size.width) - x, Math.floor(i / size.width) - y) / 2)
    })
  }
  return points
}
