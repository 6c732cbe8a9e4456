import { afterEach, describe, expect, test, vi } from 'vitest'
import { nextOf } from './enter'
import { Session, type Browser } from './session'

const ISSUER = { url: 'https://auth.example/auth/v1', key: 'anon' }
const HOUR = 3_600_000

/** The issuer and the API as far as a sign-in meets them: refresh tokens are good once. */
class World {
  now = 0
  readonly stored = new Map<string, string>()
  readonly calls: string[] = []
  refresh = 'r0'
  cookie: string | null = null
  down = false
  private turn: Promise<unknown> = Promise.resolve()

  readonly browser: Browser = {
    storage: {
      getItem: (key) => this.stored.get(key) ?? null,
      setItem: (key, value) => void this.stored.set(key, value),
      removeItem: (key) => void this.stored.delete(key),
    },
    alone: (work) => {
      const next = this.turn.then(work)
      this.turn = next.catch(() => undefined)
      return next
    },
    now: () => this.now,
  }

  constructor() {
    vi.stubGlobal('fetch', (url: string, init: RequestInit) => Promise.resolve(this.answer(url, init)))
    vi.stubGlobal('navigator', { onLine: true })
    vi.spyOn(Date, 'now').mockImplementation(() => this.now)
  }

  tab(): Session {
    return new Session(ISSUER, this.browser)
  }

  private answer(url: string, init: RequestInit): Response {
    const { pathname, searchParams } = new URL(url, 'https://cutout.example')
    this.calls.push(`${init.method ?? 'GET'} ${pathname}`)
    const headers = new Headers(init.headers)
    if (pathname === '/api/session') {
      this.cookie = init.method === 'POST' ? headers.get('Authorization') : null
      return new Response(null, { status: 204 })
    }
    expect(headers.get('apikey')).toBe('anon')
    if (this.down) return Response.json({}, { status: 503 })
    if (pathname.endsWith('/logout')) {
      this.refresh = ''
      return new Response(null, { status: 204 })
    }
    const body = JSON.parse(init.body as string) as Record<string, string>
    const good = searchParams.get('grant_type') === 'password' ? body['password'] === 'right' : body['refresh_token'] === this.refresh
    if (!good) return Response.json({ error_code: 'invalid_credentials', msg: 'no' }, { status: 400 })
    this.refresh = `r${this.calls.length}`
    return Response.json({ access_token: `a${this.calls.length}`, refresh_token: this.refresh, expires_in: 3600 })
  }
}

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

describe('a session', () => {
  test('the wrong password, then the right one', async () => {
    const world = new World()
    await expect(world.tab().signIn('a@b', 'wrong')).rejects.toMatchObject({ code: 'invalid_credentials' })
    expect([world.cookie, world.stored.size]).toEqual([null, 0])
    await world.tab().signIn('a@b', 'right')
    expect(world.cookie).toBe('Bearer a2')
    expect([...world.stored.values()].join()).not.toContain('a2') // no script ever finds the access token
  })

  test('is renewed by one tab, before it ends and not earlier', async () => {
    const world = new World()
    const [one, other] = [world.tab(), world.tab()]
    expect(await one.renew()).toBe(false)
    await one.signIn('a@b', 'right')
    const before = world.calls.length
    expect(await one.renew()).toBe(true)
    expect(world.calls.length).toBe(before)
    world.now = HOUR - 60_000
    expect(await Promise.all([one.renew(), other.renew()])).toEqual([true, true])
    expect(world.calls.slice(before)).toEqual(['POST /auth/v1/token', 'POST /api/session'])
  })

  test('ends where the issuer says so, and not because it is away', async () => {
    const world = new World()
    const tab = world.tab()
    await tab.signIn('a@b', 'right')
    world.now = 2 * HOUR
    world.down = true
    await expect(tab.renew()).rejects.toMatchObject({ status: 503 })
    expect(world.stored.size).toBe(1)
    world.down = false
    world.refresh = 'revoked'
    expect(await tab.renew()).toBe(false)
    expect(world.stored.size).toBe(0)
  })

  test('is ended in two tabs, in any order', async () => {
    const world = new World()
    const [one, other] = [world.tab(), world.tab()]
    await one.signIn('a@b', 'right')
    world.now = HOUR
    const results = await Promise.all([one.signOut(), other.signOut(), other.renew()])
    expect(results[2]).toBe(false) // a renewal that waited does not bring it back
    expect([world.cookie, world.stored.size, world.refresh]).toEqual([null, 0, ''])
  })
})

describe('a watch', () => {
  async function watched(world: World, onEnd: () => void): Promise<() => void> {
    vi.stubGlobal('window', new EventTarget())
    vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }))
    const tab = world.tab()
    await tab.signIn('a@b', 'right')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    return tab.watch(onEnd)
  }
  const answered = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0)

  test('renews the sign-in before it ends', async () => {
    const world = new World()
    const stop = await watched(world, () => undefined)
    await answered()
    expect(vi.getTimerCount()).toBe(1)
    world.now = HOUR
    await vi.runOnlyPendingTimersAsync()
    expect(world.calls.slice(-2)).toEqual(['POST /auth/v1/token', 'POST /api/session'])
    stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each(['good', 'ended'])('that was stopped while it asked goes on no longer and tells nothing: the sign-in is %s', async (how) => {
    const world = new World()
    const onEnd = vi.fn()
    const stop = await watched(world, onEnd)
    if (how === 'ended') world.stored.clear()
    stop()
    await answered()
    expect(vi.getTimerCount()).toBe(0)
    expect(onEnd).not.toHaveBeenCalled()
  })
})

test.each([
  ['', '/account'],
  ['?next=%2Fprocess%2Fbackground-removal-v2', '/process/background-removal-v2'],
  ['?next=https%3A%2F%2Fevil.example%2F', '/account'],
  ['?next=%2F%2Fevil.example', '/account'],
  ['?next=%2F%5Cevil.example', '/account'],
  ['?next=javascript%3Aalert(1)', '/account'],
])('next of %s is %s', (query, path) => {
  expect(nextOf(query, 'https://cutout.example')).toBe(path)
})
