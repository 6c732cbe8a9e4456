/** What the pages beside the editor share: the head, and data that is loaded. */
import { useCallback, useEffect, useState, type JSX, type ReactNode } from 'react'
import { ApiError } from '../api/http'
import { EDITOR } from '../auth/enter'
import { Banner } from '../editor/ui/Banner'
import { Brand } from '../editor/ui/icons'
import { S } from '../strings'
import { P } from './strings'
import './styles/pages.css'

interface FrameProps {
  readonly who?: string | null
  readonly onSignOut?: (() => void) | null
  readonly children: ReactNode
}

export function Frame({ who, onSignOut, children }: FrameProps): JSX.Element {
  return (
    <div className="co-editor co-page">
      <header className="co-top">
        <Brand />
        <span className="co-file" title={who ?? ''}>{who}</span>
        <nav className="co-top-actions" aria-label={S.product}>
          <a className="co-button" href={EDITOR}>{P.editor}</a>
          {onSignOut && <button type="button" className="co-button" onClick={onSignOut}>{P.signOut}</button>}
        </nav>
      </header>
      <main>{children}</main>
    </div>
  )
}

export const apiError = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError('internal', error instanceof Error ? error.message : String(error), 0)

/** What went wrong in a section; nothing where nothing did. */
export function Fault({ fault, onRetry, onDismiss }: {
  readonly fault: ApiError | null
  readonly onRetry?: () => void
  readonly onDismiss?: () => void
}): JSX.Element | null {
  return fault && <Banner code={fault.code} detail={fault.message} onRetry={onRetry} onDismiss={onDismiss} />
}

export interface Loaded<T> {
  readonly value: T | null
  readonly fault: ApiError | null
  readonly reload: () => void
}

/** `load` again whenever it changes; give it by useCallback. Of several answers the last one asked for counts. */
export function useLoaded<T>(load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ value: T | null; fault: ApiError | null }>({ value: null, fault: null })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let current = true
    load().then(
      (value) => current && setState({ value, fault: null }),
      (error: unknown) => current && setState((before) => ({ ...before, fault: apiError(error) })),
    )
    return () => void (current = false)
  }, [load, turn])
  return { ...state, reload: useCallback(() => setTurn((before) => before + 1), []) }
}

/** One thing at a time that a button does: busy while it runs, its failure kept until the next. */
export function useAction(): { readonly busy: boolean; readonly fault: ApiError | null; readonly run: (work: () => Promise<void>) => void; readonly dismiss: () => void } {
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState<ApiError | null>(null)
  const run = (work: () => Promise<void>): void => {
    setBusy(true)
    setFault(null)
    work().catch((error: unknown) => setFault(apiError(error))).finally(() => setBusy(false))
  }
  return { busy, fault, run, dismiss: () => setFault(null) }
}

interface TextFieldProps {
  readonly label: string
  readonly value: string
  readonly type?: 'text' | 'email' | 'password' | 'url'
  readonly autoComplete?: string
  readonly required?: boolean
  readonly onChange: (value: string) => void
}

export function TextField({ label, value, type = 'text', autoComplete = 'off', required = false, onChange }: TextFieldProps): JSX.Element {
  return (
    <label className="co-text">
      {label}
      <input type={type} value={value} required={required} autoComplete={autoComplete} onChange={(event) => onChange(event.target.value)} />
    </label>
  )
}
