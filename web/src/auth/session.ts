/**
 * Who is signed in on this browser. The access token lives in a cookie that no script reads; the refresh token is kept here,
 * so that the cookie is renewed before it ends. One tab at a time touches either, and all hear of a sign-out.
 */
import { ApiError, request } from '../api/http'
import { byPassword, byRefresh, logout, type Issuer, type Tokens } from './issuer'

const KEY = 'cutout.sign-in.v1'
const EARLY_MS = 5 * 60_000
const RETRY_MS = 30_000
/** What a timer can wait: 2³¹ ms. */
const LONGEST_MS = 2 ** 31 - 1
const API = { baseUrl: '', token: null } as const

interface Kept {
  readonly refreshToken: string
  readonly expiresAt: number
}

export interface Browser {
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
  /** Of all tabs one at a time. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>
  readonly now: () => number
}

export const thisBrowser = (): Browser => ({
  storage: localStorage,
  alone: (work) => navigator.locks.request(KEY, work) as ReturnType<typeof work>,
  now: Date.now,
})

export class Session {
  constructor(
    private readonly issuer: Issuer,
    private readonly browser: Browser = thisBrowser(),
  ) {}

  async signIn(email: string, password: string): Promise<void> {
    await this.browser.alone(async () => this.begin(await byPassword(this.issuer, email, password)))
  }

  /** Whether the cookie is good for a while. Nothing is asked where that is known. */
  async renew(): Promise<boolean> {
    return this.browser.alone(async () => {
      const kept = this.kept()
      if (kept && kept.expiresAt - this.browser.now() > EARLY_MS) return true
      if (!kept) return false
      try {
        await this.begin(await byRefresh(this.issuer, kept.refreshToken))
        return true
      } catch (error) {
        if (!(error instanceof ApiError) || error.temporary) throw error
        this.browser.storage.removeItem(KEY)
        return false
      }
    })
  }

  /** Also where another tab was first. */
  async signOut(): Promise<void> {
    await this.browser.alone(async () => {
      await request(API, '/api/session', { method: 'DELETE' })
      const kept = this.kept()
      this.browser.storage.removeItem(KEY)
      if (kept) await this.endAtIssuer(kept)
    })
  }

  /** Keeps the cookie going as long as the page stands; `onEnd` when the sign-in has ended, here or in another tab. */
  watch(onEnd: () => void): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined
    let watching = true // a renewal may be under way when the page stops watching
    const later = (ms: number): void => {
      clearTimeout(timer)
      if (!watching) return
      timer = setTimeout(look, Math.min(Math.max(ms, 0), LONGEST_MS))
    }
    const look = (): void => {
      this.renew().then(
        (good) => {
          if (good) later((this.kept()?.expiresAt ?? 0) - EARLY_MS - this.browser.now() + 1)
          else if (watching) onEnd()
        },
        () => later(RETRY_MS), // the network or the issuer is away: the cookie may still be good
      )
    }
    const onStorage = ({ key, newValue }: StorageEvent): void => {
      if (key === KEY && newValue === null) onEnd()
    }
    const onVisible = (): void => {
      if (document.visibilityState === 'visible') look() // timers stand still while a laptop sleeps
    }
    window.addEventListener('storage', onStorage)
    document.addEventListener('visibilitychange', onVisible)
    look()
    return () => {
      watching = false
      clearTimeout(timer)
      window.removeEventListener('storage', onStorage)
      document.removeEventListener('visibilitychange', onVisible)
    }
  }

  private async begin({ accessToken, refreshToken, expiresAt }: Tokens): Promise<void> {
    await request(API, '/api/session', { method: 'POST', headers: { Authorization: `Bearer ${accessToken}` } })
    this.browser.storage.setItem(KEY, JSON.stringify({ refreshToken, expiresAt } satisfies Kept))
  }

  private kept(): Kept | null {
    try {
      const kept = JSON.parse(this.browser.storage.getItem(KEY) ?? 'null') as Partial<Kept> | null
      return typeof kept?.refreshToken === 'string' && typeof kept.expiresAt === 'number' ? (kept as Kept) : null
    } catch {
      return null // something else wrote there
    }
  }

  /** The access token is not at hand; the refresh token gives another one. */
  private async endAtIssuer(kept: Kept): Promise<void> {
    try {
      await logout(this.issuer, (await byRefresh(this.issuer, kept.refreshToken)).accessToken)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error // it has ended there, or ends by itself: here it has
    }
  }
}
