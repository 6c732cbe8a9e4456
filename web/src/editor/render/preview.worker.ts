/** Matte and panes, off the main thread. Keeps the pixels of the open images and the last base matte of each. */
import { cutoutPixels, veilPixels } from './compose'
import { baseMatte, finishMatte, maskValues, type Guides } from './matte'
import { contentBox } from './output'
import { greyPng } from './png'
import { maskFile, type Frame } from '../geometry/frame'
import type { PreviewReply, PreviewRequest, PreviewResult, Rendered } from './preview.protocol'
import { readGreyPng } from './readPng'
import { guideOf, guideOfPart, type Guide } from './upsample'
import { Openings } from '../../inference/openings'
import { toLogits } from '../decode/masks'
import { toMaskSpace } from '../decode/replay'

interface Port {
  postMessage(reply: PreviewReply, transfer?: Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent<PreviewRequest>) => void): void
}
const port = self as unknown as Port // the DOM library types `self` as a window

interface Open {
  readonly frame: Frame
  readonly pixels: Uint8ClampedArray
  readonly guides: Guides
}
const images = new Openings<Open>()

async function open(key: string, frame: Frame, image: Blob): Promise<ImageBitmap> {
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
  if (!image) throw new Error(`the image ${key} is not open`)
  return image
}

async function render(request: Extract<PreviewRequest, { kind: 'render' }>): Promise<Rendered> {
  const { frame, pixels, guides } = await imageOf(request.key)
  const base = baseMatte(request.mask, guides, request.marks, frame)
  const matte = finishMatte(base, request.edge, frame)
  const { width, height } = frame.working
  const bitmap = (data: Uint8ClampedArray<ArrayBuffer>): Promise<ImageBitmap> => createImageBitmap(new ImageData(data, width, height))
  const [cutout, veil] = await Promise.all([bitmap(cutoutPixels(pixels, matte)), bitmap(veilPixels(matte))])
  let sum = 0
  for (const value of matte) sum += value
  return { cutout, veil, box: contentBox(matte, frame.working), kept: sum / 255 / matte.length }
}

async function answer(request: PreviewRequest): Promise<{ result: PreviewResult; transfer: Transferable[] }> {
  switch (request.kind) {
    case 'open': {
      const bitmap = await open(request.key, request.frame, request.image)
      return { result: bitmap, transfer: [bitmap] }
    }
    case 'render': {
      const result = await render(request)
      return { result, transfer: [result.cutout, result.veil] }
    }
    case 'read-mask': {
      const { values, size } = await readGreyPng(request.file)
      return { result: toMaskSpace(toLogits(values), size, request.frame), transfer: [] }
    }
    case 'mask': {
      const { values, size } = maskValues(request.mask, request.frame)
      return { result: await greyPng(values, size), transfer: [] }
    }
    case 'close':
      images.close(request.key)
      return { result: null, transfer: [] }
  }
}

port.addEventListener('message', ({ data: request }) => {
  answer(request).then(
    ({ result, transfer }) => port.postMessage({ id: request.id, ok: true, result }, transfer),
    (error: unknown) => port.postMessage({ id: request.id, ok: false, message: error instanceof Error ? error.message : String(error) }),
  )
})
