/** How long images are kept, everything as a file, and the end of the account. */
import { useState, type JSX, type SubmitEvent } from 'react'
import { leave } from '../../auth/enter'
import { Dialog } from '../../editor/ui/Dialog'
import { Select } from '../../editor/ui/controls'
import { Fault, TextField, useAction } from '../Frame'
import { P } from '../strings'
import type { Account, AccountApi } from './api'
import { Card } from './parts'

interface DataProps {
  readonly api: AccountApi
  readonly account: Account
  readonly onChange: () => void
}

export function Data({ api, account, onChange }: DataProps): JSX.Element {
  const { fault, run, dismiss } = useAction()
  const [erasing, setErasing] = useState(false)
  const days = String(account.retention_days ?? '')
  const known: readonly (readonly [string, string])[] = P.data.retentions
  const choices = known.some(([value]) => value === days) ? known : [...known, [days, P.data.days(days)] as const]
  return (
    <Card title={P.data.title}>
      <Fault fault={fault} onDismiss={dismiss} />
      <div className="co-grid-form">
        <div>
          <Select
            label={P.data.retention} value={days} options={choices}
            onChange={(next) => run(async () => {
              await api.setRetention(next === '' ? null : Number(next))
              onChange()
            })}
          />
          <p className="co-note">{P.data.retentionHint}</p>
        </div>
        <div className="co-row">
          <a className="co-button" href="/api/account/export.zip" download>{P.data.export}</a>
          <button type="button" className="co-button co-danger" onClick={() => setErasing(true)}>{P.data.erase}</button>
        </div>
      </div>
      {erasing && <Erase api={api} id={account.id} onClose={() => setErasing(false)} />}
    </Card>
  )
}

function Erase({ api, id, onClose }: { readonly api: AccountApi; readonly id: string; readonly onClose: () => void }): JSX.Element {
  const [typed, setTyped] = useState('')
  const { busy, fault, run } = useAction()
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    run(async () => {
      await api.erase(id)
      leave()
    })
  }
  return (
    <Dialog title={P.data.erase} onClose={onClose}>
      <form className="co-form" onSubmit={submit}>
        <p>{P.data.eraseHint}</p>
        <Fault fault={fault} />
        <TextField label={P.data.eraseType(P.data.eraseWord)} value={typed} onChange={setTyped} />
        <button type="submit" className="co-button co-danger" disabled={busy || typed !== P.data.eraseWord}>{P.data.erase}</button>
      </form>
    </Dialog>
  )
}
