/** The calls of DESIGN §9 that the account page makes. */
import { jsonBody, request, requestJson, type ApiConfig } from '../../api/http'
import type { CutoutOptions } from '../../api/options'
import type { AccountDefaults, Page } from '../../api/types'

export interface Account {
  readonly id: string
  readonly email: string | null
  readonly role: string
  readonly retention_days: number | null
  readonly plan: 'prepaid' | 'unmetered'
  readonly credits: { readonly available: number | null; readonly granted: number; readonly held: number; readonly spent: number }
  readonly prices: { readonly sam2: number; readonly clippingmagic: number }
}

export interface Sum {
  readonly cutouts: number
  readonly credits: number
  readonly cost_usd: number
  readonly saved_usd: number
}

export interface UsageReport {
  readonly days: readonly (Sum & { readonly day: string; readonly engine: string })[]
  readonly total: Sum
  /** Every month so far, `2026-11`, as it was added up last. */
  readonly months: readonly (Sum & { readonly month: string; readonly engine: string })[]
}

export type KeyScope = 'read' | 'write' | 'admin'

export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly scopes: readonly KeyScope[]
  readonly created_at: string
  readonly expires_at: string | null
  readonly last_used_at: string | null
  readonly revoked_at: string | null
}

export interface NewKey {
  readonly name: string
  readonly scopes: readonly KeyScope[]
  readonly expires_in_days: number | null
}

export type JobEvent = 'job.succeeded' | 'job.failed' | 'job.canceled'

export interface Endpoint {
  readonly id: string
  readonly url: string
  readonly events: readonly JobEvent[]
  readonly enabled: boolean
  readonly disabled_reason: 'gone' | 'failing' | 'by_user' | null
  readonly failing_since: string | null
}

export type DeliveryState = 'pending' | 'delivered' | 'failed'

export interface Delivery {
  readonly id: string
  readonly endpoint_id: string | null
  readonly event: string
  readonly url: string
  readonly state: DeliveryState
  readonly attempt_count: number
  readonly created_at: string
}

export interface DeliveryDetail extends Delivery {
  readonly payload: string
  readonly attempts: readonly { readonly number: number; readonly status: number | null; readonly ms: number; readonly error: string | null; readonly started_at: string }[]
}

export class AccountApi {
  constructor(private readonly config: ApiConfig = { baseUrl: '', token: null }) {}

  account(): Promise<Account> {
    return this.get('/api/account')
  }

  usage(days: number): Promise<UsageReport> {
    return this.get(`/api/account/usage?days=${days}`)
  }

  keys(): Promise<Page<ApiKey>> {
    return this.get('/api/keys?limit=100')
  }

  createKey(wanted: NewKey): Promise<ApiKey & { readonly key: string }> {
    return this.send('POST', '/api/keys', wanted)
  }

  async revokeKey(id: string): Promise<void> {
    await request(this.config, `/api/keys/${id}`, { method: 'DELETE' })
  }

  async endpoints(): Promise<readonly Endpoint[]> {
    return (await this.get<{ readonly items: readonly Endpoint[] }>('/api/webhooks')).items
  }

  createEndpoint(wanted: { readonly url: string; readonly events: readonly JobEvent[] }): Promise<Endpoint & { readonly secret: string }> {
    return this.send('POST', '/api/webhooks', wanted)
  }

  changeEndpoint(id: string, enabled: boolean): Promise<Endpoint> {
    return this.send('PATCH', `/api/webhooks/${id}`, { enabled })
  }

  testEndpoint(id: string): Promise<Delivery> {
    return requestJson(this.config, `/api/webhooks/${id}/test`, { method: 'POST' })
  }

  async removeEndpoint(id: string): Promise<void> {
    await request(this.config, `/api/webhooks/${id}`, { method: 'DELETE' })
  }

  deliveries(state: DeliveryState | null, cursor: string | null): Promise<Page<Delivery>> {
    const query = new URLSearchParams({ limit: '20', ...(state && { state }), ...(cursor !== null && { cursor }) })
    return this.get(`/api/webhooks/deliveries?${query.toString()}`)
  }

  delivery(id: string): Promise<DeliveryDetail> {
    return this.get(`/api/webhooks/deliveries/${id}`)
  }

  redeliver(id: string): Promise<Delivery> {
    return requestJson(this.config, `/api/webhooks/deliveries/${id}/redeliver`, { method: 'POST' })
  }

  defaults(): Promise<AccountDefaults> {
    return this.get('/api/account/settings')
  }

  setDefaults(wanted: { readonly model: string; readonly options: Partial<CutoutOptions> }): Promise<AccountDefaults> {
    return this.send('PUT', '/api/account/settings', wanted)
  }

  setRetention(days: number | null): Promise<unknown> {
    return this.send('PATCH', '/api/account', { retention_days: days })
  }

  async erase(id: string): Promise<void> {
    await request(this.config, `/api/account?confirm=${id}`, { method: 'DELETE' })
  }

  private get<T>(path: string): Promise<T> {
    return requestJson<T>(this.config, path)
  }

  private send<T>(method: string, path: string, body: object): Promise<T> {
    return requestJson<T>(this.config, path, jsonBody(body, method))
  }
}
