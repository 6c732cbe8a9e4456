/** An 8-bit grey PNG → its values, through the browser's own decoder. */
import type { Size } from '../geometry/spaces'

export async function readGreyPng(file: Blob): Promise<{ values: Uint8Array; size: Size }> {
  // No colour management and no premultiplication: the values are data, not light.
  const bitmap = await createImageBitmap(file, {
    colorSpaceConversion: 'none',
    premultiplyAlpha: 'none',
  })
  const size = { width: bitmap.width, height: bitmap.height }
  const context = new OffscreenCanvas(size.width, size.height).getContext('2d', { willReadFrequently: true })
  if (!context) throw new Error('no 2d canvas')
  context.drawImage(bitmap, 0, 0)
  bitmap.close()
  const { data } = context.getImageData(0, 0, size.width, size.height)
  const values = new Uint8Array(size.width * size.height)
  for (let i = 0; i < values.length; i++) values[i] = data[i * 4] ?? 0
  return { values, size }
}
