/** Name, history, help, and the one button that matters. */
import type { JSX } from 'react'
import { S } from '../../strings'
import type { FileEntry } from '../files'
import type { Review } from '../review'
import type { Workbench } from '../workbench'
import { IconButton, Progress } from './controls'
import { Brand, Icon } from './icons'

interface TopBarProps {
  readonly workbench: Workbench
  readonly entry: FileEntry | null
  readonly canApply: boolean
  readonly finished: number
  readonly onHistory: () => void
  readonly onShortcuts: () => void
  readonly onAdjust: (() => void) | null
  /** Only on the page of its own. */
  readonly accountUrl: string | null
  /** Only inside a host page. */
  readonly onCancel: (() => void) | null
  /** Where a batch is looked through. */
  readonly review: Review | null
}

export function TopBar({ workbench, entry, canApply, finished, onHistory, onShortcuts, onAdjust, accountUrl, onCancel, review }: TopBarProps): JSX.Element {
  const applying = entry?.step.at === 'applying' ? entry.step : null
  return (
    <header className="co-top">
      <Brand />
      {entry ? <h1 className="co-file" title={entry.name}>{entry.name}</h1> : <span className="co-file" />}
      <div className="co-top-actions">
        {onAdjust && <IconButton icon="sliders" className="co-only-narrow" label={S.edge.title} onClick={onAdjust} />}
        <IconButton icon="history" label={S.history.title} onClick={onHistory} />
        <IconButton icon="keyboard" className="co-only-wide" label={S.shortcuts.title} shortcut="?" onClick={onShortcuts} />
        {accountUrl !== null && <a className="co-icon-button" href={accountUrl} aria-label={S.account} title={S.account}><Icon name="user" /></a>}
        {onCancel && <button type="button" className="co-button" onClick={onCancel}>{S.cancel}</button>}
        {entry && review && (
          <button type="button" className="co-button" onClick={() => void review.accept()} title={`${S.review.accept} (A)`}>
            <Icon name="check" />
            {S.review.accept}
          </button>
        )}
        {finished > 1 && review === null && (
          <button type="button" className="co-button" onClick={() => void workbench.downloadAll()}>
            <Icon name="archive" />
            <span className="co-only-wide">{`${S.apply.all} (${finished})`}</span>
          </button>
        )}
        {entry && (
          <button type="button" className="co-button co-primary co-apply" disabled={!canApply || applying !== null} onClick={() => void workbench.apply()}>
            <Icon name="download" />
            {applying ? S.apply.applying : review ? S.review.mend : S.apply.apply}
          </button>
        )}
      </div>
      {applying && <Progress label={S.apply.applying} part={applying.part || null} />}
    </header>
  )
}
