/** What it looks like, and that it is usable by everyone. The pictures go into docs/ (README shows them). */
import { expect, test } from '@playwright/test'
import { expectAccessible, picture } from './axe'
import { Editor, photo } from './editor'

async function mark(editor: Editor): Promise<void> {
  await editor.click(330, 200)
  await editor.click(80, 330, 'right')
  await editor.tool('Brush')
  await editor.drag([230, 240], [290, 275], [380, 270])
  await editor.tool('Keep')
}

for (const scheme of ['light', 'dark'] as const) {
  test(`desktop, ${scheme}`, async ({ browser, baseURL }) => {
    const page = await browser.newPage({ colorScheme: scheme, viewport: { width: 1440, height: 900 }, ...(baseURL ? { baseURL } : {}) })
    const editor = await new Editor(page).goto()
    await expect(page.getByRole('button', { name: 'Choose photos' })).toBeVisible()
    await expectAccessible(page)
    await picture(page, `start-${scheme}`)
    await editor.open(photo('coffee'))
    await editor.choose(photo('cat'), photo('rocket'))
    await mark(editor)
    await expectAccessible(page)
    await picture(page, `editor-${scheme}`)
    await page.keyboard.press('?')
    await expectAccessible(page)
    await picture(page, `shortcuts-${scheme}`)
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'History' }).click()
    await expect(page.getByRole('dialog').getByText('coffee.jpg').first()).toBeVisible()
    await expectAccessible(page)
    await picture(page, `history-${scheme}`)
    await page.close()
  })
}

for (const scheme of ['light', 'dark'] as const) {
  test(`phone, ${scheme}`, async ({ browser, baseURL }) => {
    const page = await browser.newPage({
      colorScheme: scheme, viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2, ...(baseURL ? { baseURL } : {}),
    })
    const editor = await new Editor(page).goto()
    await expectAccessible(page)
    await picture(page, `phone-start-${scheme}`)
    await editor.open(photo('coffee'))
    const p = await editor.at(330, 200)
    await page.touchscreen.tap(p.x, p.y)
    await editor.expectMarks(1)
    await editor.settled()
    await expectAccessible(page)
    await picture(page, `phone-editor-${scheme}`)
    await page.getByRole('button', { name: 'Edge' }).click()
    await expectAccessible(page)
    await picture(page, `phone-adjust-${scheme}`)
    await page.close()
  })
}
