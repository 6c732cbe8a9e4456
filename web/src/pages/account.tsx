/** `/account`: what one has, spent and may; every section loads, fails and is tried again for itself. */
import { StrictMode, useCallback, useEffect, useState, type JSX } from 'react'
import { createRoot } from 'react-dom/client'
import '../page.css'
import { enter, leave } from '../auth/enter'
import type { Session } from '../auth/session'
import { AccountApi } from './account/api'
import { Credits } from './account/Credits'
import { Data } from './account/Data'
import { Defaults } from './account/Defaults'
import { Keys } from './account/Keys'
import { Usage } from './account/Usage'
import { Webhooks } from './account/Webhooks'
import { Fault, Frame, useAction, useLoaded } from './Frame'
import { P } from './strings'

const api = new AccountApi()

function AccountPage(): JSX.Element {
  const entered = useLoaded(useCallback(async () => ({ session: await enter() }), []))
  return entered.value ? <Entered session={entered.value.session} /> : (
    <Frame>
      {entered.fault ? <Fault fault={entered.fault} onRetry={entered.reload} /> : <p className="co-note">{P.loading}</p>}
    </Frame>
  )
}

function Entered({ session }: { readonly session: Session | null }): JSX.Element {
  const { value: account, fault, reload } = useLoaded(useCallback(() => api.account(), []))
  const { fault: stuck, run, dismiss } = useAction()
  const [changed, setChanged] = useState(0)
  useEffect(() => session?.watch(leave), [session])
  useEffect(() => {
    if (fault?.status === 401) leave()
  }, [fault])
  const signOut = session && ((): void => run(async () => {
    await session.signOut()
    leave()
  }))
  return (
    <Frame who={account?.email ?? null} onSignOut={signOut}>
      <h1>{P.account}</h1>
      <Fault fault={fault} onRetry={reload} />
      <Fault fault={stuck} onDismiss={dismiss} />
      {account && (
        <>
          <div className="co-columns">
            <Credits account={account} />
            <Usage api={api} />
          </div>
          <Keys api={api} />
          <Webhooks api={api} onChange={() => setChanged(changed + 1)} changed={changed} />
          <Defaults api={api} />
          <Data api={api} account={account} onChange={reload} />
        </>
      )}
    </Frame>
  )
}

const root = document.getElementById('root')
if (!root) throw new Error('the page has no #root')
createRoot(root).render(<StrictMode><AccountPage /></StrictMode>)
