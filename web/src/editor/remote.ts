/** Decoding on the server: same marks, same rules, one round trip for the image and one for each crop. */
import type { CutoutApi } from '../api/client'
import type { RemoteDecoder } from '../inference/host'
import type { OpenImage } from '../inference/protocol'
import { Layered, type Drawing, type OpenCrop } from './decode/layered'
import { whole } from './decode/layers'
import { wireMarks } from './document/marks'
import type { Frame } from './geometry/frame'
import type { Preview } from './render/preview'

interface Image {
  readonly frame: Frame
  readonly layers: Layered
}

export function remoteDecoder(api: CutoutApi, preview: Preview, model: string): RemoteDecoder {
  const images = new Map<string, Image>()
  const imageOf = (key: string): Image => {
    const image = images.get(key)
    if (!image) throw new RangeError(`the image ${key} is not open`)
    return image
  }
  const drawing = (key: string, frame: Frame, from?: Blob): Drawing => ({
    after: async (marks, start) => {
      const png = await api.decode(key, model, wireMarks(marks), from ?? start)
      return { logits: await preview.readMask(frame, new Blob([png], { type: 'image/png' })), decodes: 1 }
    },
  })
  const openCrop: OpenCrop = async ({ crop }, start) => {
    const { frame } = imageOf(crop)
    return { frame, ...drawing(crop, frame, await preview.maskFile(frame, whole(start(frame)))) }
  }
  return {
    open({ key, frame }: OpenImage) {
      if (!images.has(key)) images.set(key, { frame, layers: new Layered(frame, drawing(key, frame), openCrop) })
      return Promise.resolve(null)
    },
    async decode({ key, marks, start }) {
      const began = performance.now()
      return { ...(await imageOf(key).layers.after(marks, start)), ms: performance.now() - began }
    },
    close: (key) => void images.delete(key),
  }
}
