/** What the sections are made of. */
import { useEffect, useId, useRef, useState, type JSX, type ReactNode } from 'react'
import { P } from '../strings'

export function Card({ title, hint, actions, children }: {
  readonly title: string
  readonly hint?: string
  readonly actions?: ReactNode
  readonly children: ReactNode
}): JSX.Element {
  const id = useId()
  return (
    <section className="co-card" aria-labelledby={id}>
      <div className="co-card-head">
        <h2 id={id}>{title}</h2>
        {actions}
      </div>
      {hint && <p className="co-note">{hint}</p>}
      {children}
    </section>
  )
}

/** Wide tables scroll by themselves; so that the keyboard can scroll them too, they take the focus. */
export function Table({ label, head, children }: {
  readonly label: string
  readonly head: readonly string[]
  readonly children: ReactNode
}): JSX.Element {
  return (
    <div className="co-table" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead><tr>{head.map((text) => <th key={text} scope="col">{text}</th>)}</tr></thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}

/** A value that is never shown again: it takes the focus, so that nobody overlooks it. */
export function Secret({ note, value, onDone }: { readonly note: string; readonly value: string; readonly onDone: () => void }): JSX.Element {
  const field = useRef<HTMLInputElement>(null)
  const [copied, setCopied] = useState(false)
  useEffect(() => field.current?.focus(), [])
  const copy = (): void => {
    field.current?.select()
    // refused without a permission: the value is selected, Ctrl+C copies it
    navigator.clipboard.writeText(value).then(() => setCopied(true), () => setCopied(false))
  }
  return (
    <div className="co-secret">
      <p>{note}</p>
      <div className="co-row">
        <input ref={field} readOnly value={value} aria-label={note} onFocus={(event) => event.target.select()} />
        <button type="button" className="co-button co-primary" onClick={copy}>{copied ? P.keys.copied : P.keys.copy}</button>
        <button type="button" className="co-button" onClick={onDone}>{P.keys.done}</button>
      </div>
      <span className="co-hidden" role="status">{copied ? P.keys.copied : ''}</span>
    </div>
  )
}

export function Choices<T extends string>({ label, names, chosen, onChange }: {
  readonly label: string
  readonly names: Readonly<Record<T, string>>
  readonly chosen: readonly T[]
  readonly onChange: (chosen: readonly T[]) => void
}): JSX.Element {
  return (
    <fieldset className="co-choices">
      <legend>{label}</legend>
      {(Object.keys(names) as T[]).map((name) => (
        <label key={name}>
          <input
            type="checkbox" checked={chosen.includes(name)}
            onChange={(event) => onChange(event.target.checked ? [...chosen, name] : chosen.filter((one) => one !== name))}
          />
          {names[name]}
        </label>
      ))}
    </fieldset>
  )
}

export const when = (time: string): string => new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
export const day = (time: string): string => new Date(time).toLocaleDateString(undefined, { dateStyle: 'medium' })
/** A minus stands before the sign, and never before nothing. */
export function dollars(value: number): string {
  const cents = Math.round(value * 100)
  return `${cents < 0 ? '−' : ''}$${(Math.abs(cents) / 100).toFixed(2)}`
}
