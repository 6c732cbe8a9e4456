/** What an operator looks at, on a phone too: it moves by itself and leaves forms alone. */
import { expect, test } from '@playwright/test'

test('the figures of now move while a form is being filled in', async ({ page }) => {
  const wrong: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') wrong.push(message.text())
  })
  await page.setViewportSize({ width: 390, height: 844 })
  await page.goto('/admin')
  const written = page.getByLabel('New editor for')
  await written.fill('42')
  const before = (await page.locator('#now > p').first().textContent()) ?? ''
  await expect(page.locator('#now > p').first()).not.toHaveText(before)
  await expect(written).toHaveValue('42')
  const width = await page.evaluate(() => document.documentElement.scrollWidth)
  expect(width).toBe(390)
  expect(wrong).toEqual([])
})
