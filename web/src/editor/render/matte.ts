/** Logits + marks + options → the matte over the working image, through the same steps, in the same order, as Apply. */
import type { CutoutOptions } from '../../api/options'
import { toValues } from '../decode/masks'
import { resample } from '../decode/resample'
import { decided } from '../decode/strokes'
import type { Mark } from '../document/marks'
import { MASK_SIDE, maskScale, workingScale, type Frame } from '../geometry/frame'
import type { Size } from '../geometry/spaces'
import { feathered, moved, smoothed } from './edge'
import { upsample, type Guide } from './upsample'

export interface MaskValues {
  /** 0…255, edge at 128: what Apply sends. */
  readonly values: Uint8Array
  readonly size: Size
}

/** MaskSpace logits → the mask file's values, at the size the image has in ModelSpace, without the padding. */
export function maskValues(logits: Float32Array, frame: Frame): MaskValues {
  const scale = maskScale(frame)
  const step = {
    x: (scale.x * frame.image.width) / frame.content.width,
    y: (scale.y * frame.image.height) / frame.content.height,
  }
  const square = { width: MASK_SIDE, height: MASK_SIDE }
  return { values: toValues(resample(logits, square, frame.content, step)), size: frame.content }
}

/** The mask at working resolution with the edge that the image has, strokes enforced. */
export function baseMatte(mask: MaskValues, guide: Guide, marks: readonly Mark[], frame: Frame): Uint8Array {
  const matte = upsample(mask.values, guide)
  if (!marks.some((mark) => mark.kind === 'stroke')) return matte
  const wish = decided(marks, frame.working, workingScale(frame))
  for (let i = 0; i < matte.length; i++) {
    const decision = wish[i] ?? 0
    if (decision !== 0) matte[i] = decision > 0 ? 255 : 0
  }
  return matte
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
