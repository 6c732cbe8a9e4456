/** Endpoints: added with a secret that is shown once, tested, switched off, deleted. */
import { useCallback, useState, type JSX, type SubmitEvent } from 'react'
import { Fault, TextField, useAction, useLoaded } from '../Frame'
import { P } from '../strings'
import type { AccountApi, Endpoint, JobEvent } from './api'
import { Deliveries } from './Deliveries'
import { Card, Choices, Secret, Table } from './parts'

interface WebhooksProps {
  readonly api: AccountApi
  /** Counts what may have made a delivery. */
  readonly changed: number
  readonly onChange: () => void
}

export function Webhooks({ api, changed, onChange }: WebhooksProps): JSX.Element {
  const { value, fault, reload } = useLoaded(useCallback(() => api.endpoints(), [api]))
  const { busy, fault: refused, run, dismiss } = useAction()
  const [secret, setSecret] = useState<string | null>(null)
  const [said, setSaid] = useState('')
  const create = (url: string, events: readonly JobEvent[]): void =>
    run(async () => {
      setSecret((await api.createEndpoint({ url, events })).secret)
      reload()
    })
  const act = (work: () => Promise<unknown>, message = ''): void => {
    setSaid('')
    run(async () => {
      await work()
      setSaid(message)
      reload()
      onChange()
    })
  }
  return (
    <>
      <Card title={P.webhooks.title} hint={P.webhooks.hint}>
        <Fault fault={fault} onRetry={reload} />
        <Fault fault={refused} onDismiss={dismiss} />
        {secret === null ? <EndpointForm busy={busy} onCreate={create} /> : <Secret note={P.webhooks.secret} value={secret} onDone={() => setSecret(null)} />}
        <p className="co-note" role="status">{said}</p>
        {value?.length === 0 && <p className="co-note">{P.webhooks.empty}</p>}
        {value && value.length > 0 && <EndpointTable api={api} endpoints={value} act={act} />}
      </Card>
      <Deliveries api={api} changed={changed} />
    </>
  )
}

function EndpointForm({ busy, onCreate }: { readonly busy: boolean; readonly onCreate: (url: string, events: readonly JobEvent[]) => void }): JSX.Element {
  const [url, setUrl] = useState('')
  const [events, setEvents] = useState<readonly JobEvent[]>(['job.succeeded', 'job.failed', 'job.canceled'])
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    onCreate(url, events)
  }
  return (
    <form className="co-inline-form" onSubmit={submit}>
      <TextField label={P.webhooks.url} type="url" required value={url} onChange={setUrl} />
      <Choices label={P.webhooks.events} names={P.webhooks.event} chosen={events} onChange={setEvents} />
      <button type="submit" className="co-button co-primary" disabled={busy || events.length === 0}>{P.webhooks.create}</button>
    </form>
  )
}

function stateOf({ enabled, disabled_reason, failing_since }: Endpoint): string {
  if (!enabled) return P.webhooks.reason[disabled_reason ?? 'by_user']
  return failing_since === null ? P.webhooks.on : P.webhooks.failing
}

function EndpointTable({ api, endpoints, act }: {
  readonly api: AccountApi
  readonly endpoints: readonly Endpoint[]
  readonly act: (work: () => Promise<unknown>, message?: string) => void
}): JSX.Element {
  const { to, events, event, every, test, tested, enable, disable, remove, removeAsk } = P.webhooks
  return (
    <Table label={P.webhooks.table} head={[to, events, P.keys.state, P.actions]}>
      {endpoints.map((one) => (
        <tr key={one.id}>
          <th scope="row">{one.url}</th>
          <td>{one.events.length === 0 ? every : one.events.map((name) => event[name]).join(', ')}</td>
          <td>{stateOf(one)}</td>
          <td>
            <div className="co-row">
              {one.enabled && <button type="button" className="co-button" aria-label={`${test}: ${one.url}`} onClick={() => act(() => api.testEndpoint(one.id), tested)}>{test}</button>}
              <button type="button" className="co-button" aria-label={`${one.enabled ? disable : enable}: ${one.url}`} onClick={() => act(() => api.changeEndpoint(one.id, !one.enabled))}>
                {one.enabled ? disable : enable}
              </button>
              <button
                type="button" className="co-button" aria-label={`${remove}: ${one.url}`}
                onClick={() => { if (window.confirm(removeAsk(one.url))) act(() => api.removeEndpoint(one.id)) }}
              >
                {remove}
              </button>
            </div>
          </td>
        </tr>
      ))}
    </Table>
  )
}
