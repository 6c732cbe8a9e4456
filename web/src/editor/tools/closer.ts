/** What "Refine" looks at closer: what is on screen, or the subject where all of the image is. */
import { at, clampTo, type Box, type Size } from '../geometry/spaces'
import { toImage } from '../geometry/view'
import type { PixelBox } from '../render/output'
import type { Stage } from './stage'

/** Of the image's area: a crop of more gains too little for a second encode (half the area is 1.4 times as fine). */
const MOST = 0.5
/** The API's least side and greatest area, ImageSpace pixels. */
const LEAST = 32
const LARGEST = 12_000_000
/** Around the subject, of its longer side: a decoder wants to see what it is cut from. */
const ROOM = 0.15

/** ImageSpace, whole pixels; null where nothing is small enough. `subject` is in pixels of `working`. */
export function closer(stage: Stage, subject: PixelBox | null, working: Size): Box<'image'> | null {
  const seen = whole(toImage(stage.view, at(0, 0)), toImage(stage.view, at(stage.viewport.width, stage.viewport.height)), stage.image)
  if (small(seen, stage.image)) return seen
  const around = subject && roomy(subject, stage.image.width / working.width, stage.image)
  return around && small(around, stage.image) ? around : null
}

function roomy({ x0, y0, x1, y1 }: PixelBox, by: number, image: Size): Box<'image'> {
  const room = ROOM * Math.max(x1 - x0, y1 - y0)
  return whole(at((x0 - room) * by, (y0 - room) * by), at((x1 + room) * by, (y1 + room) * by), image)
}

function whole(from: { x: number; y: number }, to: { x: number; y: number }, image: Size): Box<'image'> {
  return { min: clampTo(at(Math.floor(from.x), Math.floor(from.y)), image), max: clampTo(at(Math.ceil(to.x), Math.ceil(to.y)), image) }
}

function small({ min, max }: Box<'image'>, image: Size): boolean {
  const [width, height] = [max.x - min.x, max.y - min.y]
  return Math.min(width, height) >= LEAST && width * height <= Math.min(LARGEST, MOST * image.width * image.height)
}
