/** Logits + marks + options → the matte over the working image, through the same steps, in the same order, as Apply. */
import type { CutoutOptions } from '../../api/options'
import { toValues } from '../decode/masks'
import { blending, sampled, whole, type CropMask, type Mask, type Raster } from '../decode/layers'
import { decided } from '../decode/strokes'
import type { Mark } from '../document/marks'
import { fitSide, maskFile, workingScale, type Frame } from '../geometry/frame'
import { at, type Box, type Size } from '../geometry/spaces'
import { feathered, moved, smoothed } from './edge'
import { upsample, type Guide, type Rectangle } from './upsample'

export interface MaskValues {
  /** 0…255, edge at 128: what Apply sends. */
  readonly values: Uint8Array
  readonly size: Size
}

/** The values of the mask's file, twice as fine where a crop of less than half the image's length is finer. */
export function maskValues(mask: Mask, frame: Frame): MaskValues {
  const fine = mask.crops.some(({ frame: crop }) => 2 * long(crop.image) < long(frame.image))
  const size = maskFile(frame, fine ? 2 : 1)
  const step = { x: frame.image.width / size.width, y: frame.image.height / size.height }
  return { values: toValues(sampled(mask, frame, { origin: at(0, 0), step, ...size })), size }
}

const long = ({ width, height }: Size): number => Math.max(width, height)

/** What the image says to masks of it, and of each crop of it. */
export interface Guides {
  readonly whole: Guide
  /** Of a rectangle of the working image, for masks of that size over it. */
  readonly of: (part: Rectangle, mask: Size) => Guide
}

/** The mask at working resolution with the edge that the image has, strokes enforced. */
export function baseMatte(mask: Mask, guides: Guides, marks: readonly Mark[], frame: Frame): Uint8Array {
  const matte = upsample(maskValues(whole(mask.logits), frame).values, guides.whole)
  mask.crops.forEach((crop, index) => {
    layCloser(matte, { logits: mask.logits, crops: mask.crops.slice(0, index + 1) }, crop, guides, frame)
  })
  if (!marks.some((mark) => mark.kind === 'stroke')) return matte
  const wish = decided(marks, frame.working, workingScale(frame))
  for (let i = 0; i < matte.length; i++) {
    const decision = wish[i] ?? 0
    if (decision !== 0) matte[i] = decision > 0 ? 255 : 0
  }
  return matte
}

/** The edge of the last of the mask's crops at its own fineness, blended into the matte at the crop's border. */
function layCloser(matte: Uint8Array, mask: Mask, crop: CropMask, guides: Guides, frame: Frame): void {
  const scale = workingScale(frame)
  const part = rectangle(crop.box, scale, frame.working)
  if (part.width === 0 || part.height === 0) return
  const origin = at<'image'>(part.x / scale.x, part.y / scale.y)
  const over = (size: Size): Raster => ({ origin, step: { x: part.width / scale.x / size.width, y: part.height / scale.y / size.height }, ...size })
  const file = fitSide(part, long(crop.frame.content))
  const closer = upsample(toValues(sampled(mask, frame, over(file))), guides.of(part, file))
  const shares = blending(over({ width: part.width, height: part.height }), crop, frame.image)
  for (let y = 0, i = 0; y < part.height; y++) {
    for (let x = 0, to = (part.y + y) * frame.working.width + part.x; x < part.width; x++, i++, to++) {
      const base = matte[to] ?? 0
      matte[to] = base + (shares[i] ?? 0) * ((closer[i] ?? 0) - base) + 0.5
    }
  }
}

function rectangle({ min, max }: Box<'image'>, scale: { x: number; y: number }, within: Size): Rectangle {
  const x = Math.round(min.x * scale.x)
  const y = Math.round(min.y * scale.y)
  return { x, y, width: Math.min(within.width, Math.round(max.x * scale.x)) - x, height: Math.min(within.height, Math.round(max.y * scale.y)) - y }
}

/** What Apply does to the edge and the steps here do not. */
export type LeftOut = 'matting' | 'decontaminate'

export function leftOut({ matting, decontaminate }: Pick<CutoutOptions, LeftOut>): readonly LeftOut[] {
  return [...(matting === 'off' ? [] : ['matting' as const]), ...(decontaminate ? ['decontaminate' as const] : [])]
}

export type EdgeOptions = Pick<CutoutOptions, 'smooth' | 'offset' | 'feather'>

export function finishMatte(matte: Uint8Array, options: EdgeOptions, frame: Frame): Uint8Array {
  const scale = workingScale(frame).x // lengths are ImageSpace pixels
  const size = frame.working
  const calm = smoothed(matte, size, options.smooth * scale)
  const shifted = moved(calm, size, options.offset * scale)
  return feathered(shifted, size, options.feather * scale)
}
