/** API keys: made, shown once, revoked. */
import { useCallback, useState, type JSX, type SubmitEvent } from 'react'
import { Select } from '../../editor/ui/controls'
import { Fault, TextField, useAction, useLoaded } from '../Frame'
import { P } from '../strings'
import type { AccountApi, ApiKey, KeyScope, NewKey } from './api'
import { Card, Choices, Secret, Table, day, when } from './parts'

const LIFETIMES = ['never', '30', '90', '365'] as const
type Lifetime = (typeof LIFETIMES)[number]

export function Keys({ api }: { readonly api: AccountApi }): JSX.Element {
  const { value, fault, reload } = useLoaded(useCallback(() => api.keys(), [api]))
  const { busy, fault: refused, run, dismiss } = useAction()
  const [made, setMade] = useState<string | null>(null)
  const create = (wanted: NewKey): void =>
    run(async () => {
      setMade((await api.createKey(wanted)).key)
      reload()
    })
  const revoke = (key: ApiKey): void => {
    if (!window.confirm(P.keys.revokeAsk(key.name === '' ? key.prefix : key.name))) return
    run(async () => {
      await api.revokeKey(key.id)
      reload()
    })
  }
  return (
    <Card title={P.keys.title} hint={P.keys.hint}>
      <Fault fault={fault} onRetry={reload} />
      <Fault fault={refused} onDismiss={dismiss} />
      {made === null ? <KeyForm busy={busy} onCreate={create} /> : <Secret note={P.keys.made} value={made} onDone={() => setMade(null)} />}
      {value?.items.length === 0 && <p className="co-note">{P.keys.empty}</p>}
      {value && value.items.length > 0 && <KeyTable keys={value.items} onRevoke={revoke} />}
    </Card>
  )
}

function KeyForm({ busy, onCreate }: { readonly busy: boolean; readonly onCreate: (wanted: NewKey) => void }): JSX.Element {
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<readonly KeyScope[]>(['read', 'write'])
  const [lifetime, setLifetime] = useState<Lifetime>('never')
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    onCreate({ name, scopes, expires_in_days: lifetime === 'never' ? null : Number(lifetime) })
  }
  return (
    <form className="co-inline-form" onSubmit={submit}>
      <TextField label={P.keys.name} value={name} onChange={setName} />
      <Choices label={P.keys.scopes} names={P.keys.scope} chosen={scopes} onChange={setScopes} />
      <Select<Lifetime>
        label={P.keys.expires} value={lifetime} onChange={setLifetime}
        options={LIFETIMES.map((days) => [days, days === 'never' ? P.keys.never : P.keys.days(Number(days))])}
      />
      <button type="submit" className="co-button co-primary" disabled={busy || scopes.length === 0}>{P.keys.create}</button>
      {scopes.length === 0 && <p className="co-note" role="status">{P.keys.noScope}</p>}
    </form>
  )
}

function stateOf(key: ApiKey): 'good' | 'revoked' | 'expired' {
  if (key.revoked_at !== null) return 'revoked'
  return key.expires_at !== null && new Date(key.expires_at).getTime() <= Date.now() ? 'expired' : 'good'
}

function KeyTable({ keys, onRevoke }: { readonly keys: readonly ApiKey[]; readonly onRevoke: (key: ApiKey) => void }): JSX.Element {
  const { name, key: prefix, scopes, created, lastUsed, expires, state, revoke } = P.keys
  return (
    <Table label={P.keys.table} head={[name, prefix, scopes, created, lastUsed, expires, state]}>
      {keys.map((key) => (
        <tr key={key.id} data-state={stateOf(key)}>
          <th scope="row">{key.name === '' ? '—' : key.name}</th>
          <td><code>{key.prefix}…</code></td>
          <td>{key.scopes.join(', ')}</td>
          <td>{day(key.created_at)}</td>
          <td>{key.last_used_at === null ? P.keys.unused : when(key.last_used_at)}</td>
          <td>{key.expires_at === null ? P.keys.never : day(key.expires_at)}</td>
          <td>
            {stateOf(key) === 'good' ? (
              <button type="button" className="co-button" aria-label={`${revoke}: ${key.name === '' ? key.prefix : key.name}`} onClick={() => onRevoke(key)}>{revoke}</button>
            ) : P.keys[stateOf(key)]}
          </td>
        </tr>
      ))}
    </Table>
  )
}
