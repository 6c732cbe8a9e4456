/** Masks out of pictures, and how alike two masks are. Decoded by the browser, not by the code under test. */
import type { Page } from '@playwright/test'

export interface Mask {
  readonly width: number
  readonly height: number
  /** 1 where the subject is. */
  readonly bits: readonly number[]
}

/** The alpha (or, of a grey picture, the value) of a PNG ≥ half, at a size of its own or a given one. */
export async function maskOf(page: Page, png: Buffer, channel: 'alpha' | 'grey', size?: { width: number; height: number }): Promise<Mask> {
  return page.evaluate(
    async ([base64, use, wanted]) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
      const bitmap = await createImageBitmap(new Blob([bytes]))
      const { width, height } = wanted ?? bitmap
      const context = new OffscreenCanvas(width, height).getContext('2d')
      if (!context) throw new Error('no canvas')
      context.drawImage(bitmap, 0, 0, width, height)
      const { data } = context.getImageData(0, 0, width, height)
      const offset = use === 'alpha' ? 3 : 0
      return { width, height, bits: Array.from({ length: width * height }, (_, i) => ((data[i * 4 + offset] ?? 0) >= 128 ? 1 : 0)) }
    },
    [png.toString('base64'), channel, size] as const,
  )
}

export function iou(a: Mask, b: Mask): number {
  if (a.width !== b.width || a.height !== b.height) throw new Error(`${a.width}×${a.height} against ${b.width}×${b.height}`)
  let both = 0
  let either = 0
  a.bits.forEach((bit, i) => {
    const other = b.bits[i] ?? 0
    both += bit & other
    either += bit | other
  })
  return both / Math.max(1, either)
}

/**
 * The mask that the preview pane shows, over the image's rectangle on screen. Alpha is what white and black grounds tell:
 * 1 − (on white − on black).
 */
export async function maskOnScreen(page: Page, show: (ground: 'White' | 'Black') => Promise<void>): Promise<Mask> {
  await show('White')
  const white = await previewGreen(page)
  await show('Black')
  const black = await previewGreen(page)
  const bits = white.green.map((value, i) => (255 - (value - (black.green[i] ?? 0)) >= 128 ? 1 : 0))
  return { width: white.width, height: white.height, bits }
}

interface Green {
  readonly width: number
  readonly height: number
  readonly green: readonly number[]
}

async function previewGreen(page: Page): Promise<Green> {
  return page.locator('.co-preview').evaluate((element) => {
    const canvas = element as HTMLCanvasElement
    const context = canvas.getContext('2d')
    if (!context) throw new Error('no canvas')
    const { width, height } = canvas
    const { data } = context.getImageData(0, 0, width, height)
    const drawn = (x: number, y: number): boolean => data[(y * width + x) * 4 + 3] === 255
    const midX = Math.trunc(width / 2)
    const midY = Math.trunc(height / 2)
    const xs = Array.from({ length: width }, (_, x) => x).filter((x) => drawn(x, midY))
    const ys = Array.from({ length: height }, (_, y) => y).filter((y) => drawn(midX, y))
    const [x0, x1, y0, y1] = [xs[0] ?? 0, (xs.at(-1) ?? 0) + 1, ys[0] ?? 0, (ys.at(-1) ?? 0) + 1]
    const green: number[] = []
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) green.push(data[(y * width + x) * 4 + 1] ?? 0)
    return { width: x1 - x0, height: y1 - y0, green }
  })
}

/** Green at a pixel of a PNG. */
export async function greenAt(page: Page, png: Buffer, x: number, y: number): Promise<number> {
  return page.evaluate(
    async ([base64, px, py]) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
      const bitmap = await createImageBitmap(new Blob([bytes]))
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')
      if (!context) throw new Error('no canvas')
      context.drawImage(bitmap, 0, 0)
      return context.getImageData(px, py, 1, 1).data[1] ?? NaN
    },
    [png.toString('base64'), x, y] as const,
  )
}

/** Green at the upper left corner of the image in the preview pane, a few pixels inside. */
export async function topLeft(page: Page): Promise<number> {
  const { width, green } = await previewGreen(page)
  return green[4 * width + 4] ?? NaN
}

/** IoU within a box of the alpha of one PNG with the grey of another, both ≥ half; compared in the page: millions of pixels. */
export async function coverOf(page: Page, cutout: Buffer, reference: Buffer, box: { x: number; y: number; width: number; height: number }): Promise<number> {
  return page.evaluate(
    async ([one, other, { x, y, width, height }]) => {
      const read = async (base64: string, channel: number): Promise<boolean[]> => {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
        const context = new OffscreenCanvas(width, height).getContext('2d')
        if (!context) throw new Error('no canvas')
        context.drawImage(await createImageBitmap(new Blob([bytes]), x, y, width, height), 0, 0)
        const { data } = context.getImageData(0, 0, width, height)
        return Array.from({ length: width * height }, (_, i) => (data[i * 4 + channel] ?? 0) >= 128)
      }
      const [mine, theirs] = await Promise.all([read(one, 3), read(other, 0)])
      const both = mine.filter((inside, i) => inside && theirs[i]).length
      return both / Math.max(1, mine.filter((inside, i) => inside || theirs[i]).length)
    },
    [cutout.toString('base64'), reference.toString('base64'), box] as const,
  )
}
