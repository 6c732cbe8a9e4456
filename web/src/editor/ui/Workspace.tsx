/** Everything around one image: tools, panes, inspector, what it is waiting for, what went wrong. */
import type { JSX } from 'react'
import { SendLink } from '../../legacy/SendLink'
import { S } from '../../strings'
import { hopeless, type FileEntry } from '../files'
import type { EditorSession } from '../session'
import type { Settings } from '../settings'
import type { Picture, Workbench } from '../workbench'
import { Banner } from './Banner'
import { Progress } from './controls'
import { usePart } from './hooks'
import { Icon } from './icons'
import { Inspector } from './Inspector'
import { Panes } from './Panes'
import { busy, partOf, stepText } from './steps'
import { ToolRail } from './ToolRail'

interface WorkspaceProps {
  readonly workbench: Workbench
  readonly entry: FileEntry | null
  readonly session: EditorSession | null
  readonly settings: Settings
  readonly picture: Picture | null
  readonly before: boolean
  readonly adjusting: boolean
  readonly onBefore: (before: boolean) => void
}

export function Workspace({ workbench, entry, session, settings, picture, before, adjusting, onBefore }: WorkspaceProps): JSX.Element {
  const failed = entry?.step.at === 'failed' ? entry.step : null
  return (
    <div className="co-work" data-adjusting={adjusting}>
      <main className="co-main" aria-label={entry?.name ?? S.product}>
        {session ? <ToolRail session={session} /> : <div className="co-rail" />}
        <div className="co-stage">
          {failed && entry && (
            <Banner
              code={failed.error.code} detail={failed.error.message}
              {...(hopeless(failed) ? { onRemove: () => void workbench.remove(entry.id) } : { onRetry: () => void workbench.retry(entry.id) })}
            />
          )}
          {session && entry && <SessionFault session={session} onExpired={() => void workbench.prepareAgain(entry.id)} />}
          {session ? <OpenStage session={session} settings={settings} picture={picture} before={before} onBefore={onBefore} /> : entry && <Waiting entry={entry} />}
        </div>
      </main>
      <aside className="co-side" aria-label={S.edge.title}>
        <Inspector
          settings={settings} session={session} picture={picture} onChange={(part) => workbench.setSettings(part)}
          onPicture={(file) => void workbench.setPicture(file)} onHd={(hd) => void workbench.setHd(hd)}
          renewing={entry?.renewing ?? null}
        />
        {session && <SendLink config={workbench.api.config} imageId={session.image.id} />}
      </aside>
    </div>
  )
}

function OpenStage(props: Parameters<typeof Panes>[0]): JSX.Element {
  const opened = usePart(props.session.mask, (mask) => mask.bitmap !== null)
  return (
    <>
      <Panes {...props} />
      {!opened && <div className="co-waiting co-over"><Progress label={S.steps.opening} part={null} /><p role="status">{S.steps.opening}</p></div>}
    </>
  )
}

/** What the server has dropped must be made again; anything else is tried again. */
const EXPIRED = new Set(['expired', 'embedding_unreadable', 'embedding_not_found'])

function SessionFault({ session, onExpired }: { readonly session: EditorSession; readonly onExpired: () => void }): JSX.Element | null {
  const fault = usePart(session.mask, (mask) => mask.fault)
  const retry = fault && EXPIRED.has(fault.code) ? onExpired : () => void session.retry()
  return fault && <Banner code={fault.code} detail={fault.message} onRetry={retry} />
}

function Waiting({ entry }: { readonly entry: FileEntry }): JSX.Element {
  return (
    <div className="co-waiting">
      {entry.thumb ? <img src={entry.thumb} alt="" /> : <Icon name="image" />}
      {busy(entry) && <Progress label={stepText(entry)} part={partOf(entry)} />}
      {entry.step.at !== 'failed' && <p role="status">{stepText(entry)}</p>}
    </div>
  )
}
