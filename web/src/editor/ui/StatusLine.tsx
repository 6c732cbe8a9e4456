/** One quiet line: the engine in use, what is loading, how long the last decode took. */
import type { JSX } from 'react'
import { S } from '../../strings'
import type { Engines, EngineState } from '../engines'
import type { EditorSession } from '../session'
import { Progress } from './controls'
import { usePart, useStore } from './hooks'

function engineText({ info, loading }: EngineState): string {
  if (loading) return `${S.status.loading[loading.what as keyof typeof S.status.loading]} ${Math.round(loading.part * 100)} %`
  if (!info) return S.status.starting
  if (info.engine === 'wasm-threads') return S.status['wasm-threads'](info.threads)
  return S.status[info.engine]
}

export function StatusLine({ engines, session }: { readonly engines: Engines; readonly session: EditorSession | null }): JSX.Element {
  const state = useStore(engines.state)
  return (
    <footer className="co-status">
      <span className="co-engine" data-engine={state.info?.engine} title={state.info?.engine === 'server' ? S.status.serverNote : undefined}>
        <i data-on={state.info !== null && state.loading === null} aria-hidden="true" />
        {state.info === null && state.loading === null ? S.status.starting : `${state.model === 'auto' ? '' : `${state.model} · `}${engineText(state)}`}
      </span>
      {state.loading && <Progress label={engineText(state)} part={state.loading.part} />}
      {session && <MaskStatus session={session} />}
    </footer>
  )
}

function MaskStatus({ session }: { readonly session: EditorSession }): JSX.Element {
  const thinking = usePart(session.mask, (mask) => mask.thinking)
  const refining = usePart(session.mask, (mask) => mask.refining)
  const ms = usePart(session.mask, (mask) => mask.decodeMs)
  const unsaved = usePart(session.mask, (mask) => mask.unsaved)
  const nothing = usePart(session.mask, (mask) => mask.rendered !== null && mask.rendered.kept === 0)
  return (
    <>
      <span className="co-decode" aria-hidden="true">{refining ? S.refine.busy : thinking ? S.status.thinking : ms !== null && S.status.decode(ms)}</span>
      <span role="status" className="co-said">{unsaved ? S.status.unsaved : nothing ? S.status.nothing : ''}</span>
    </>
  )
}
