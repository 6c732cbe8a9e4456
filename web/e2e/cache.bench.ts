/** Where weights are kept: the Cache API beside OPFS, for the decoder's 16 MB, read whole as the editor does. Run: npm run bench. */
import { test } from '@playwright/test'
import { PAGE } from './editor'

const BYTES = 16_500_000
const RUNS = 11

test('reading weights back', async ({ page }) => {
  await page.goto(PAGE)
  const rows = await page.evaluate(
    async ([bytes, runs]) => {
      const data = new Uint8Array(bytes)
      for (let i = 0; i < bytes; i += 65536) crypto.getRandomValues(data.subarray(i, Math.min(i + 65536, bytes)))
      const cache = await caches.open('bench')
      await cache.put('/bench', new Response(data))
      const folder = await navigator.storage.getDirectory()
      const file = await folder.getFileHandle('bench', { create: true })
      const writable = await file.createWritable()
      await writable.write(data)
      await writable.close()
      const ways = {
        'Cache API': async () => (await cache.match('/bench'))?.arrayBuffer(),
        OPFS: async () => (await file.getFile()).arrayBuffer(),
      }
      const times: Record<string, number[]> = { 'Cache API': [], OPFS: [] }
      for (let run = 0; run < runs; run++) {
        for (const [name, read] of Object.entries(ways)) {
          const began = performance.now()
          if ((await read())?.byteLength !== bytes) throw new Error(`${name} lost bytes`)
          times[name]?.push(performance.now() - began)
        }
      }
      await caches.delete('bench')
      await folder.removeEntry('bench')
      return times
    },
    [BYTES, RUNS] as const,
  )
  for (const [name, times] of Object.entries(rows)) {
    console.log(`${name}: ${times.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)]?.toFixed(0)} ms, median of ${RUNS}`)
  }
})
