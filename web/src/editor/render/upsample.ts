/**
 * Mask values → a matte whose edge is the image's own: the twin of app/matting/upsample.py, so that the preview's edge is the
 * one Apply draws. On a grid about half a mask pixel wide the decoder's opinion meets the image; from there each tile that
 * holds an edge is halved down to single pixels.
 */
import type { Size } from '../geometry/spaces'
import { resample } from '../decode/resample'
import { cellMeans, finer, settled, sizeOf, type Alpha, type Colours, type Manner, type Scale } from './guided'

const FINE = 0.8 // mask pixels per image pixel; from here on the mask is as fine as the matte
const NATIVE_SIDE = 256 // a decoder's own resolution; larger masks are its logits interpolated
const OPINION_ROUNDS = 3
const OPINION: Manner = { radius: 3, corrections: 0, stretches: 2 }
const REFINED: Manner = { radius: 1, corrections: 3, stretches: 1 }
const OPINION_TRUST = 0.5
const DOUBT = 0.005
const SPECK = 6 // grid cells
const TILE = 256 // px
const HALO = 3 // grid cells around a tile: one for the window, one for its mean, one for interpolation

/** What the image says to any mask of it: computed once, asked after each click. */
export interface Guide {
  readonly image: Colours
  /** Size of the mask's file. */
  readonly mask: Size
  /** How often the mask is halved: to the decoder's own resolution, an opinion is no finer however fine the file. */
  readonly halvings: number
  /** Colours on the grid of 2^level-pixel cells, and on the halved mask's pixels. */
  readonly level: number
  readonly grid: Colours
  readonly coarse: Colours
  /** Mask pixels per grid cell. */
  readonly scale: Scale
}

export interface Rectangle extends Size {
  readonly x: number
  readonly y: number
}

/** Of a part of an image (RGBA `pixels` of size `of`), for masks of size `mask` over that part. */
export function guideOfPart(pixels: Uint8ClampedArray, of: Size, part: Rectangle, mask: Size): Guide {
  const cut = new Uint8ClampedArray(part.width * part.height * 4)
  for (let y = 0; y < part.height; y++) {
    const from = ((part.y + y) * of.width + part.x) * 4
    cut.set(pixels.subarray(from, from + part.width * 4), y * part.width * 4)
  }
  return guideOf(cut, part, mask)
}

/** Of RGBA `pixels` of size `to`, for masks of size `mask` over the whole image. */
export function guideOf(pixels: Uint8ClampedArray, to: Size, mask: Size): Guide {
  const image: Colours = { data: pixels, stride: 4, ...sizeOf(to) }
  let cells = sizeOf(mask)
  let scale: Scale = { x: mask.width / to.width, y: mask.height / to.height }
  let halvings = 0
  for (; Math.max(cells.width, cells.height) >= 2 * NATIVE_SIDE || Math.max(scale.x, scale.y) >= FINE; halvings++) {
    cells = { width: Math.ceil(cells.width / 2), height: Math.ceil(cells.height / 2) }
    scale = { x: scale.x / 2, y: scale.y / 2 }
  }
  const level = Math.max(0, Math.floor(Math.log2(2 / (3 * Math.max(scale.x, scale.y)))))
  scale = { x: scale.x * (1 << level), y: scale.y * (1 << level) }
  const grid = level === 0 ? image : blockMeans(image, 1 << level)
  return { image, mask: sizeOf(mask), halvings, level, grid, coarse: coarsened(grid, scale, cells), scale }
}

/** `values` 0…255 of a mask of the guide's size → matte over the image, 0…255. */
export function upsample(values: Uint8Array, guide: Guide): Uint8Array {
  const alpha = onGrid(evidence(values, guide), guide)
  return guide.level === 0 ? toMatte(alpha) : fromGrid(alpha, guide)
}

/** Probability at the decoder's own resolution. */
function evidence(values: Uint8Array, { mask, halvings }: Guide): Alpha {
  const shares = new Float32Array(values.length)
  for (let i = 0; i < shares.length; i++) shares[i] = (values[i] ?? 0) / 255
  let subject = settled({ data: shares, ...sizeOf(mask) })
  for (let i = 0; i < halvings; i++) {
    const { data, width, height } = blockMeans({ ...subject, stride: 1 }, 2)
    subject = { data, width, height }
  }
  return subject
}

/** Means over blocks of side², at the border over what there is; three numbers per pixel, or one of one. */
function blockMeans({ data, stride, width, height }: Colours, side: number): Colours & { readonly data: Float32Array } {
  const to = { width: Math.ceil(width / side), height: Math.ceil(height / side) }
  const channels = Math.min(stride, 3)
  const out = new Float32Array(to.width * to.height * channels)
  for (let row = 0; row < to.height; row++) {
    const y1 = Math.min((row + 1) * side, height)
    for (let column = 0; column < to.width; column++) {
      const x1 = Math.min((column + 1) * side, width)
      const share = 1 / ((y1 - row * side) * (x1 - column * side))
      for (let k = 0; k < channels; k++) {
        let sum = 0
        for (let y = row * side; y < y1; y++) for (let x = column * side; x < x1; x++) sum += data[(y * width + x) * stride + k] ?? 0
        out[(row * to.width + column) * channels + k] = sum * share
      }
    }
  }
  return { data: out, stride: channels, ...to }
}

function onGrid(mask: Alpha, { grid, coarse, scale }: Guide): Alpha {
  const opinion = resample(mask.data, mask, grid, scale)
  let subject = mask
  for (let round = 1; ; round++) {
    const alpha = agreed(finer(subject, coarse, grid, scale, OPINION), opinion)
    if (round === OPINION_ROUNDS) return withoutSpecks(alpha)
    subject = settled(cellMeans(alpha, scale, mask))
  }
}

/** Means over the mask's pixels; `scale`: mask pixels per pixel here. */
function coarsened({ data, stride, width, height }: Colours, scale: Scale, to: Size): Colours {
  const out = new Float32Array(to.width * to.height * 3)
  for (let k = 0; k < 3; k++) {
    const channel = new Float32Array(width * height)
    for (let i = 0; i < channel.length; i++) channel[i] = data[i * stride + k] ?? 0
    cellMeans({ data: channel, width, height }, scale, to).data.forEach((mean, i) => (out[i * 3 + k] = mean))
  }
  return { data: out, stride: 3, ...sizeOf(to) }
}

/** The odds of both multiplied, the opinion's to the power OPINION_TRUST, in place. */
function agreed(alpha: Alpha, opinion: Float32Array): Alpha {
  const doubted = (value: number): number => Math.min(1 - DOUBT, Math.max(DOUBT, value))
  const { data } = alpha
  for (let i = 0; i < data.length; i++) {
    const image = doubted(data[i] ?? 0)
    const decoder = doubted(opinion[i] ?? 0)
    const odds = (image / (1 - image)) * (decoder / (1 - decoder)) ** OPINION_TRUST
    data[i] = odds / (1 + odds)
  }
  return settled(alpha)
}

/** Parts and holes of fewer than SPECK cells are gone: a decoder's mask knows nothing so small. */
function withoutSpecks(alpha: Alpha): Alpha {
  const out = alpha.data.slice()
  const seen = new Uint8Array(out.length)
  const part = new Int32Array(out.length)
  for (let start = 0; start < out.length; start++) {
    if (seen[start]) continue
    const size = collect(alpha, start, seen, part)
    if (size < SPECK) for (const at of part.subarray(0, size)) out[at] = (alpha.data[start] ?? 0) > 0.5 ? 0 : 1
  }
  return { ...alpha, data: out }
}

/** The cells on the same side of 0.5 as `start` that hang together with it, corners included; how many they are. */
function collect({ data, width, height }: Alpha, start: number, seen: Uint8Array, part: Int32Array): number {
  const inside = (data[start] ?? 0) > 0.5
  let size = 0
  const take = (at: number): void => {
    if (seen[at] || (data[at] ?? 0) > 0.5 !== inside) return
    seen[at] = 1
    part[size++] = at
  }
  take(start)
  for (let next = 0; next < size; next++) {
    const y = Math.floor((part[next] ?? 0) / width)
    const x = (part[next] ?? 0) - y * width
    for (let j = Math.max(y - 1, 0); j <= Math.min(y + 1, height - 1); j++) {
      for (let i = Math.max(x - 1, 0); i <= Math.min(x + 1, width - 1); i++) take(j * width + i)
    }
  }
  return size
}

/** The grid's decided cells blown up, its edge cells refined tile by tile. */
function fromGrid(alpha: Alpha, guide: Guide): Uint8Array {
  const out = new Uint8Array(guide.image.width * guide.image.height)
  const tile = Math.max(1, TILE >> guide.level)
  for (let y = 0; y < alpha.height; y += tile) {
    for (let x = 0; x < alpha.width; x += tile) fillTile(alpha, guide, out, x, y, tile)
  }
  return out
}

function fillTile(alpha: Alpha, { image, grid, level }: Guide, out: Uint8Array, x: number, y: number, tile: number): void {
  const side = 1 << level
  const left = Math.max(0, x - HALO)
  const top = Math.max(0, y - HALO)
  const right = Math.min(x + tile + HALO, alpha.width)
  const bottom = Math.min(y + tile + HALO, alpha.height)
  const [x0, y0, x1, y1] = [x * side, y * side, Math.min((x + tile) * side, image.width), Math.min((y + tile) * side, image.height)]
  const window = windowOf({ ...alpha, stride: 1 }, left, top, right, bottom)
  const first = window.data[0] ?? 0
  if ((first === 0 || first === 1) && window.data.every((value) => value === first)) {
    for (let row = y0; row < y1; row++) out.fill(255 * first, row * image.width + x0, row * image.width + x1)
    return
  }
  const pixels = windowOf(image, left * side, top * side, Math.min(right * side, image.width), Math.min(bottom * side, image.height))
  const start: Alpha = { data: new Float32Array(window.data), ...sizeOf(window) }
  const fine = toMatte(refined(start, windowOf(grid, left, top, right, bottom), pixels, level))
  for (let row = y0; row < y1; row++) {
    const from = (row - top * side) * pixels.width + x0 - left * side
    out.set(fine.subarray(from, from + x1 - x0), row * image.width + x0)
  }
}

function windowOf({ data, stride, width }: Colours, x0: number, y0: number, x1: number, y1: number): Colours {
  const row = (x1 - x0) * stride
  const out = data instanceof Float32Array ? new Float32Array(row * (y1 - y0)) : new Uint8ClampedArray(row * (y1 - y0))
  for (let y = y0; y < y1; y++) out.set(data.subarray((y * width + x0) * stride, (y * width + x1) * stride), (y - y0) * row)
  return { data: out, stride, width: x1 - x0, height: y1 - y0 }
}

/** From cells of 2^level pixels to `pixels`. */
function refined(alpha: Alpha, colours: Colours, pixels: Colours, level: number): Alpha {
  const pyramid = [pixels]
  for (let i = 1; i < level; i++) pyramid.push(blockMeans(pyramid[i - 1] ?? pixels, 2))
  let [at, with_] = [alpha, colours]
  for (const fine of pyramid.reverse()) {
    at = finer(at, with_, fine, { x: 0.5, y: 0.5 }, REFINED)
    with_ = fine
  }
  return at
}

function toMatte({ data }: Alpha): Uint8Array {
  const out = new Uint8Array(data.length)
  for (let i = 0; i < out.length; i++) out[i] = (data[i] ?? 0) * 255 + 0.5
  return out
}
