import { readFileSync } from 'node:fs'
import { expect, test, type Page } from '@playwright/test'
import { Editor, drawn } from './editor'
import { coverOf } from './pixels'

/** A bag on a plain backdrop, and its handle alone, 14 px wide: a pixel of the whole image's mask is 12. */
const DRAW = `
import sys
import numpy as np
from PIL import Image, ImageDraw, ImageFilter
noise = np.random.default_rng(0).normal(0, 6, (2000, 3000, 1)) + (205, 198, 186)
image = Image.fromarray(noise.clip(0, 255).astype("uint8")).filter(ImageFilter.GaussianBlur(2))
handle = Image.new("L", image.size)
for picture, colour in ((image, (60, 30, 20)), (handle, 255)):
    ImageDraw.Draw(picture).arc((1000, 200, 2000, 1700), 180, 360, fill=colour, width=14)
ImageDraw.Draw(image).rounded_rectangle((500, 900, 2500, 1850), 80, fill=(120, 40, 30))
image.filter(ImageFilter.GaussianBlur(1)).save(sys.argv[1], quality=92)
handle.save(sys.argv[1].replace(".jpg", ".png"))
`
const TOP = [1500, 207] as const
/** Around it, where no other part of the bag is. */
const NEAR = { x: 1250, y: 180, width: 500, height: 150 }

function bag(): { photo: string; handle: Buffer } {
  const photo = drawn('bag.jpg', DRAW)
  return { photo, handle: readFileSync(photo.replace('.jpg', '.png')) }
}

/** IoU of the downloaded cutout with the true handle, near its top. */
async function kept(page: Page, editor: Editor, handle: Buffer): Promise<number> {
  const cutout = readFileSync(await (await editor.apply()).path())
  return coverOf(page, cutout, handle, NEAR)
}

async function zoomIn(page: Page, at: { x: number; y: number }): Promise<void> {
  await page.mouse.move(at.x, at.y)
  await page.keyboard.down('Control')
  await page.mouse.wheel(0, -900)
  await page.keyboard.up('Control')
}

test('a thin part is looked at closer: a mark there, the file, undo, a reload', async ({ page }) => {
  const { photo, handle } = bag()
  const editor = await (await new Editor(page).goto()).open(photo)
  await page.getByLabel('Trim to the subject').uncheck()
  const refine = page.getByRole('button', { name: 'Refine', exact: true })
  await expect(refine).toBeDisabled()
  const at = await editor.at(...TOP)
  await zoomIn(page, at)
  await page.mouse.click(at.x, at.y)
  await editor.settled()
  const coarse = await kept(page, editor, handle)
  await page.keyboard.press('Control+z')

  await refine.click()
  await editor.expectMarks(1)
  await page.mouse.click(at.x, at.y)
  await editor.expectMarks(2)
  await editor.settled()
  const fine = await kept(page, editor, handle)
  expect(fine).toBeGreaterThan(0.8)
  expect(coarse).toBeLessThan(fine - 0.2)

  await page.reload()
  await page.getByRole('button', { name: 'History' }).click()
  await page.getByRole('dialog').getByRole('button', { name: /bag\.jpg \d/ }).first().click()
  await editor.ready()
  await editor.expectMarks(2)
  expect(await kept(page, editor, handle)).toBeCloseTo(fine, 2)
  await page.keyboard.press('Control+z')
  await page.keyboard.press('Control+z')
  await editor.expectMarks(0)
})

test('the server looks closer for a browser that cannot decode', async ({ page }) => {
  await page.route('**/*.wasm', (route) => route.abort())
  const { photo, handle } = bag()
  const editor = await (await new Editor(page).goto()).open(photo)
  await expect(page.locator('.co-engine')).toHaveAttribute('data-engine', 'server')
  await page.getByLabel('Trim to the subject').uncheck()
  const at = await editor.at(...TOP)
  await zoomIn(page, at)
  await page.keyboard.press('f')
  await editor.expectMarks(1)
  await page.mouse.click(at.x, at.y)
  await editor.expectMarks(2)
  await editor.settled()
  expect(await kept(page, editor, handle)).toBeGreaterThan(0.8)
})
