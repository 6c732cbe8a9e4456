/**
 * One image in all its spaces, and the only transforms between them: the twin of app/segmentation/spaces.py, held to it by
 * the golden vectors of tests/golden/coords.json. Each arrow is one scale per axis, (whole size there) / (whole size here).
 */
import { at, type ImagePoint, type MaskPoint, type ModelPoint, type Size, type WorkingPoint } from './spaces'

export const WORKING_SIDE = 2048
export const MODEL_SIDE = 1024
export const MASK_SIDE = 256
const MASK_STRIDE = MODEL_SIDE / MASK_SIDE

/** How the encoder's resize places the working image in ModelSpace. */
export type Fit = 'pad' | 'stretch'

export interface Frame {
  readonly image: Size
  readonly working: Size
  /** What the image covers of ModelSpace; the rest is padding. */
  readonly content: Size
}

/** `size` scaled so that its long side is `side`; the short side rounds half up and is at least 1. */
export function fitSide(size: Size, side: number): Size {
  const long = Math.max(size.width, size.height)
  const edge = (length: number): number => Math.max(1, Math.floor((2 * length * side + long) / (2 * long)))
  return { width: edge(size.width), height: edge(size.height) }
}

export function workingSize(image: Size): Size {
  return Math.max(image.width, image.height) <= WORKING_SIDE ? image : fitSide(image, WORKING_SIDE)
}

export function frameOf(image: Size, fit: Fit): Frame {
  const working = workingSize(image)
  const content = fit === 'stretch' ? { width: MODEL_SIDE, height: MODEL_SIDE } : fitSide(working, MODEL_SIDE)
  return { image, working, content }
}

/** Size of a mask's file, so many times MODEL_SIDE along the image's longer side, and never stretched: as in spaces.py. */
export const maskFile = (frame: Frame, times = 1): Size => fitSide(frame.working, times * MODEL_SIDE)

interface Scale {
  readonly x: number
  readonly y: number
}

const ratio = (there: Size, here: Size): Scale => ({ x: there.width / here.width, y: there.height / here.height })

export const modelScale = (frame: Frame): Scale => ratio(frame.content, frame.image)

export function maskScale(frame: Frame): Scale {
  const model = modelScale(frame)
  return { x: model.x / MASK_STRIDE, y: model.y / MASK_STRIDE }
}

export const workingScale = (frame: Frame): Scale => ratio(frame.working, frame.image)

/** MaskSpace pixels that the image covers, the partly covered ones included. */
export function maskContent(frame: Frame): Size {
  return {
    width: Math.ceil(frame.content.width / MASK_STRIDE),
    height: Math.ceil(frame.content.height / MASK_STRIDE),
  }
}

const scaled = (p: { x: number; y: number }, by: Scale): { x: number; y: number } => ({ x: p.x * by.x, y: p.y * by.y })

export const imageToWorking = (frame: Frame, p: ImagePoint): WorkingPoint => scaled(p, workingScale(frame))
export const imageToModel = (frame: Frame, p: ImagePoint): ModelPoint => scaled(p, modelScale(frame))
export const imageToMask = (frame: Frame, p: ImagePoint): MaskPoint => scaled(p, maskScale(frame))

export function modelToImage(frame: Frame, p: ModelPoint): ImagePoint {
  const by = modelScale(frame)
  return at(p.x / by.x, p.y / by.y)
}

export function maskToImage(frame: Frame, p: MaskPoint): ImagePoint {
  const by = maskScale(frame)
  return at(p.x / by.x, p.y / by.y)
}
