import { readFileSync } from 'node:fs'
import { expect, test } from '@playwright/test'
import { Editor, photo, referenceMask } from './editor'
import { iou, maskOf, maskOnScreen } from './pixels'

test('a photo becomes a cutout: proposal, marks, undo, redo, apply, download', async ({ page }) => {
  const editor = await (await new Editor(page).goto()).open(photo('coffee'))
  await page.getByLabel('Trim to the subject').uncheck() // so that the file covers the whole image, as the preview does
  await editor.drag([300, 200], [305, 205])
  await editor.expectMarks(1)
  await page.keyboard.press('Control+z')
  await editor.expectMarks(0)

  await editor.click(330, 200)
  await editor.click(60, 60, 'right')
  await editor.tool('Brush')
  await editor.drag([220, 210], [280, 260], [380, 260])
  await editor.tool('Box')
  await editor.drag([120, 40], [560, 390])
  await editor.expectMarks(4)
  await page.keyboard.press('Control+z')
  await editor.expectMarks(3)
  await page.keyboard.press('Control+Shift+z')
  await editor.expectMarks(4)
  await page.keyboard.press('Control+z')
  await editor.settled()

  const show = async (ground: 'White' | 'Black'): Promise<void> => {
    await page.getByRole('radio', { name: ground }).check({ force: true })
    await page.waitForTimeout(300) // two frames and a slow machine's slack: the canvas is drawn on the next frame
  }
  const screen = await maskOnScreen(page, show)
  const download = await editor.apply()
  expect(download.suggestedFilename()).toBe('coffee-cutout.png')
  const png = readFileSync(await download.path())
  const file = await maskOf(page, png, 'alpha', screen)
  expect(iou(file, screen)).toBeGreaterThanOrEqual(0.99)

  const reference = await maskOf(page, referenceMask('coffee'), 'grey')
  const full = await maskOf(page, png, 'alpha', reference)
  expect(iou(full, reference)).toBeGreaterThanOrEqual(0.9)
})
