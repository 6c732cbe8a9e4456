/** Matte and panes, off the main thread. Keeps the pixels of the open images and the last base matte of each. */
import { cutoutPixels, veilPixels } from './compose'
import { baseMatte, finishMatte, maskValues, type Guides } from './matte'
import { contentBox } from './output'
import { greyPng } from './png'
import { maskFile, type Frame } from '../geometry/frame'
import type { PreviewCalls, RenderInput, Rendered } from './preview.protocol'
import { readGreyPng } from './readPng'
import { guideOf, guideOfPart, type Guide } from './upsample'
import { Fault } from '../../inference/errors'
import { Openings } from '../../inference/openings'
import { serve } from '../../inference/serve'
import { toLogits } from '../decode/masks'
import { toMaskSpace } from '../decode/replay'

interface Open {
  readonly frame: Frame
  readonly pixels: Uint8ClampedArray
  readonly guides: Guides
}
const images = new Openings<Open>()

async function open({ key, frame, image }: PreviewCalls['open']['args']): Promise<ImageBitmap> {
  const bitmap = createImageBitmap(image)
  await images.open(key, bitmap.then((drawn) => opened(drawn, frame)))
  return bitmap
}

function opened(bitmap: ImageBitmap, frame: Frame): Open {
  const { width, height } = frame.working
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  if (!context) throw new Error('no 2d canvas')
  context.drawImage(bitmap, 0, 0, width, height)
  const pixels = context.getImageData(0, 0, width, height).data
  return { frame, pixels, guides: guidesOf(pixels, frame) }
}

function guidesOf(pixels: Uint8ClampedArray, frame: Frame): Guides {
  const parts = new Map<string, Guide>()
  return {
    whole: guideOf(pixels, frame.working, maskFile(frame)),
    of(part, mask) {
      const key = [part.x, part.y, part.width, part.height].join()
      const guide = parts.get(key) ?? guideOfPart(pixels, frame.working, part, mask)
      parts.set(key, guide)
      return guide
    },
  }
}

async function imageOf(key: string): Promise<Open> {
  const image = await images.get(key)
  if (!image) throw new Fault('aborted', 'the image was closed')
  return image
}

async function render({ key, mask, marks, edge }: RenderInput): Promise<Rendered> {
  const { frame, pixels, guides } = await imageOf(key)
  const base = baseMatte(mask, guides, marks, frame)
  const matte = finishMatte(base, edge, frame)
  const { width, height } = frame.working
  const bitmap = (data: Uint8ClampedArray<ArrayBuffer>): Promise<ImageBitmap> => createImageBitmap(new ImageData(data, width, height))
  const [cutout, veil] = await Promise.all([bitmap(cutoutPixels(pixels, matte)), bitmap(veilPixels(matte))])
  let sum = 0
  for (const value of matte) sum += value
  return { cutout, veil, box: contentBox(matte, frame.working), kept: sum / 255 / matte.length }
}

async function readMask({ frame, file }: PreviewCalls['readMask']['args']): Promise<Float32Array> {
  const { values, size } = await readGreyPng(file)
  return toMaskSpace(toLogits(values), size, frame)
}

function maskPng({ frame, mask }: PreviewCalls['maskFile']['args']): Promise<Blob> {
  const { values, size } = maskValues(mask, frame)
  return greyPng(values, size)
}

function close({ key }: PreviewCalls['close']['args']): Promise<null> {
  images.close(key)
  return Promise.resolve(null)
}

serve<PreviewCalls>({ open, render, readMask, maskFile: maskPng, close }, (result) => {
  if (result instanceof ImageBitmap) return [result]
  return result !== null && 'cutout' in result ? [result.cutout, result.veil] : []
})
