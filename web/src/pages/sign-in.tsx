/** `/sign-in`: e-mail and password go to the issuer, never to this server. */
import { StrictMode, useState, type JSX, type SubmitEvent } from 'react'
import { createRoot } from 'react-dom/client'
import '../page.css'
import { ACCOUNT, EDITOR, known, nextOf, ways, type Ways } from '../auth/enter'
import type { Issuer } from '../auth/issuer'
import { Session } from '../auth/session'
import { Fault, Frame, TextField, useAction, useLoaded } from './Frame'
import { P } from './strings'

const onwards = (): void => location.replace(nextOf(location.search, location.origin))

async function look(): Promise<Ways> {
  const found = await ways()
  if (found.needed && found.issuer && (await known())) {
    onwards()
    return new Promise(() => undefined)
  }
  return found
}

function SignInPage(): JSX.Element {
  const { value, fault, reload } = useLoaded(look)
  return (
    <Frame>
      <section className="co-card co-narrow" aria-labelledby="title">
        <h1 id="title">{P.signIn.title}</h1>
        <Fault fault={fault} onRetry={reload} />
        {value === null && fault === null && <p className="co-note">{P.loading}</p>}
        {value?.issuer && value.needed && <SignInForm issuer={value.issuer} />}
        {value && !value.needed && <Nobody text={P.signIn.local} />}
        {value?.needed && value.issuer === null && <p>{P.signIn.keysOnly}</p>}
      </section>
    </Frame>
  )
}

function Nobody({ text }: { readonly text: string }): JSX.Element {
  return (
    <>
      <p>{text}</p>
      <p className="co-row">
        <a className="co-button co-primary" href={EDITOR}>{P.signIn.toEditor}</a>
        <a className="co-button" href={ACCOUNT}>{P.signIn.toAccount}</a>
      </p>
    </>
  )
}

function SignInForm({ issuer }: { readonly issuer: Issuer }): JSX.Element {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const { busy, fault, run } = useAction()
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    run(async () => {
      await new Session(issuer).signIn(email.trim(), password)
      onwards()
    })
  }
  return (
    <form className="co-form" onSubmit={submit}>
      <Fault fault={fault} />
      <TextField label={P.signIn.email} type="email" autoComplete="username" required value={email} onChange={setEmail} />
      <TextField label={P.signIn.password} type="password" autoComplete="current-password" required value={password} onChange={setPassword} />
      <button type="submit" className="co-button co-primary" disabled={busy}>{busy ? P.signIn.busy : P.signIn.button}</button>
    </form>
  )
}

const root = document.getElementById('root')
if (!root) throw new Error('the page has no #root')
createRoot(root).render(<StrictMode><SignInPage /></StrictMode>)
