import { afterEach, expect, test, vi } from 'vitest'
import type { ApiConfig } from '../api/http'
import { choice, followFlag } from './route'

/** Each a server of its own: an answer is kept as long as the page. */
const configOf = (baseUrl: string): ApiConfig => ({ baseUrl, token: null })

function page(path: string): { win: Window; reload: ReturnType<typeof vi.fn> } {
  const kept = new Map<string, string>()
  const reload = vi.fn()
  const sessionStorage = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => kept.set(name, value),
    removeItem: (name: string) => kept.delete(name),
  }
  return { win: { location: { pathname: path, reload }, sessionStorage } as unknown as Window, reload }
}

const engine = (name: string): void =>
  void vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ engine: name, reason: 'percentage' }))))

afterEach(() => vi.unstubAllGlobals())

test('whose engine is the legacy one gets its page, by one reload and no second', async () => {
  engine('clippingmagic')
  const { win, reload } = page('/process/background-removal')
  await followFlag(configOf('a'), win)
  await followFlag(configOf('a'), win)
  expect(reload).toHaveBeenCalledTimes(1)
})

test.each(['/process/background-removal-v2', '/'])('%s is nobody’s choice', async (path) => {
  engine('clippingmagic')
  const { win, reload } = page(path)
  await followFlag(configOf(path), win)
  expect(reload).not.toHaveBeenCalled()
})

test('whose engine is ours stays', async () => {
  engine('sam2')
  const { win, reload } = page('/process/background-removal')
  await followFlag(configOf('b'), win)
  expect(reload).not.toHaveBeenCalled()
})

test('the server is asked once, and again after a failure', async () => {
  const config = configOf('c')
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('{}', { status: 401 })))
  await expect(choice(config)).rejects.toMatchObject({ status: 401 })
  engine('sam2')
  expect(await choice(config)).toMatchObject({ engine: 'sam2' })
  engine('clippingmagic')
  expect(await choice(config)).toMatchObject({ engine: 'sam2' })
})
