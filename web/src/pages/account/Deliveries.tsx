/** What was sent, whether it arrived, and once more if not. */
import { useCallback, useState, type JSX } from 'react'
import { Select } from '../../editor/ui/controls'
import { Dialog } from '../../editor/ui/Dialog'
import { Fault, useAction, useLoaded } from '../Frame'
import { P } from '../strings'
import type { AccountApi, Delivery, DeliveryDetail, DeliveryState } from './api'
import { Card, Table, when } from './parts'

type Shown = DeliveryState | 'all'
const { states } = P.deliveries
const SHOWN: readonly (readonly [Shown, string])[] = [
  ['all', P.deliveries.all], ['pending', states.pending], ['delivered', states.delivered], ['failed', states.failed],
]

export function Deliveries({ api, changed }: { readonly api: AccountApi; readonly changed: number }): JSX.Element {
  const [shown, setShown] = useState<Shown>('all')
  const [inspected, setInspected] = useState<string | null>(null)
  const [pages, setPages] = useState(1)
  const load = useCallback(() => list(api, shown === 'all' ? null : shown, pages), [api, shown, pages])
  const { value, fault, reload } = useLoaded(load)
  const { fault: refused, run, dismiss } = useAction()
  const [seen, setSeen] = useState(changed)
  if (seen !== changed) {
    setSeen(changed)
    reload()
  }
  const redeliver = (id: string): void =>
    run(async () => {
      await api.redeliver(id)
      reload()
    })
  const actions = (
    <div className="co-row">
      <Select<Shown> label={P.deliveries.filter} value={shown} options={SHOWN} onChange={setShown} />
      <button type="button" className="co-button" onClick={reload}>{P.deliveries.refresh}</button>
    </div>
  )
  return (
    <Card title={P.deliveries.title} actions={actions}>
      <Fault fault={fault} onRetry={reload} />
      <Fault fault={refused} onDismiss={dismiss} />
      {value?.items.length === 0 && <p className="co-note">{P.deliveries.empty}</p>}
      {value && value.items.length > 0 && <DeliveryTable deliveries={value.items} onInspect={setInspected} onRedeliver={redeliver} />}
      {value?.more && <button type="button" className="co-button" onClick={() => setPages(pages + 1)}>{P.deliveries.more}</button>}
      {inspected !== null && <Inspect api={api} id={inspected} onClose={() => setInspected(null)} />}
    </Card>
  )
}

/** The first pages as one list: what is new shows at its head. */
async function list(api: AccountApi, state: DeliveryState | null, pages: number): Promise<{ readonly items: readonly Delivery[]; readonly more: boolean }> {
  const items: Delivery[] = []
  let cursor: string | null = null
  for (let page = 0; page < pages && (page === 0 || cursor !== null); page++) {
    const found = await api.deliveries(state, cursor)
    items.push(...found.items)
    cursor = found.next_cursor
  }
  return { items, more: cursor !== null }
}

function DeliveryTable({ deliveries, onInspect, onRedeliver }: {
  readonly deliveries: readonly Delivery[]
  readonly onInspect: (id: string) => void
  readonly onRedeliver: (id: string) => void
}): JSX.Element {
  const { when: at, event, to, state, attempts, inspect, redeliver } = P.deliveries
  return (
    <Table label={P.deliveries.table} head={[at, event, to, state, attempts, P.actions]}>
      {deliveries.map((one) => (
        <tr key={one.id}>
          <th scope="row">{when(one.created_at)}</th>
          <td>{one.event}</td>
          <td>{one.url}</td>
          <td>{states[one.state]}</td>
          <td>{one.attempt_count}</td>
          <td>
            <div className="co-row">
              <button type="button" className="co-button" aria-label={`${inspect}: ${one.event}, ${when(one.created_at)}`} onClick={() => onInspect(one.id)}>{inspect}</button>
              {one.state !== 'pending' && (
                <button type="button" className="co-button" aria-label={`${redeliver}: ${one.event}, ${when(one.created_at)}`} onClick={() => onRedeliver(one.id)}>{redeliver}</button>
              )}
            </div>
          </td>
        </tr>
      ))}
    </Table>
  )
}

function Inspect({ api, id, onClose }: { readonly api: AccountApi; readonly id: string; readonly onClose: () => void }): JSX.Element {
  const { value, fault, reload } = useLoaded(useCallback(() => api.delivery(id), [api, id]))
  return (
    <Dialog title={P.deliveries.inspect} onClose={onClose}>
      <Fault fault={fault} onRetry={reload} />
      {value && <Attempts delivery={value} />}
    </Dialog>
  )
}

function Attempts({ delivery }: { readonly delivery: DeliveryDetail }): JSX.Element {
  return (
    <>
      <p>{`${delivery.event} → ${delivery.url}: ${states[delivery.state]}`}</p>
      <dl className="co-facts">
        {delivery.attempts.map((one) => (
          <div key={one.number}>
            <dt>{`${P.deliveries.attempt(one.number)}, ${when(one.started_at)}`}</dt>
            <dd>{`${one.status ?? one.error ?? P.deliveries.noAnswer} · ${one.ms} ms`}</dd>
          </div>
        ))}
      </dl>
      <h3>{P.deliveries.payload}</h3>
      <pre tabIndex={0} aria-label={P.deliveries.payload}>{pretty(delivery.payload)}</pre>
    </>
  )
}

function pretty(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2)
  } catch {
    return payload // it is shown as it went out
  }
}
