/** The API's documentation: every call is there, and one can be tried. */
import { expect, test } from '@playwright/test'

test('a call is read and tried', async ({ page, request }) => {
  const refused: string[] = []
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) refused.push(message.text())
  })
  await page.goto('/docs')
  const document = (await (await request.get('/openapi.json')).json()) as { paths: Record<string, object> }
  const calls = Object.values(document.paths).flatMap((path) => Object.keys(path))
  await expect(page.locator('.opblock')).toHaveCount(calls.length)
  await page.locator('#operations-account-account_get_account .opblock-summary-control').click()
  await page.getByRole('button', { name: 'Execute' }).click()
  await expect(page.locator('.live-responses-table .response-col_status').last()).toContainText('200')
  await expect(page.locator('.live-responses-table')).toContainText('"credits"')
  expect(refused).toEqual([])
})
