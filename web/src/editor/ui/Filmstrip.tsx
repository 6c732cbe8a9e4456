/** All files at hand, each with its state. */
import type { JSX } from 'react'
import { S } from '../../strings'
import { doubtful, type FileEntry } from '../files'
import type { Workbench } from '../workbench'
import { IconButton, Progress } from './controls'
import { FileButton } from './DropZone'
import { Icon } from './icons'
import { busy, partOf, stepText } from './steps'

interface FilmstripProps {
  readonly workbench: Workbench
  readonly entries: readonly FileEntry[]
  readonly current: string | null
}

export function Filmstrip({ workbench, entries, current }: FilmstripProps): JSX.Element {
  return (
    <nav className="co-strip" aria-label={S.strip.label}>
      <ul>
        {entries.map((entry) => (
          <li key={entry.id} className="co-frame" data-step={entry.step.at}>
            <button
              type="button" className="co-frame-open" aria-current={entry.id === current} title={`${entry.name}: ${stepText(entry)}`}
              onClick={() => void workbench.select(entry.id)}
            >
              <span className="co-frame-thumb">
                {entry.thumb ? <img src={entry.thumb} alt="" draggable={false} /> : <Icon name="image" />}
                <Badge entry={entry} />
              </span>
              <span className="co-frame-name">{entry.name}</span>
              <span className="co-hidden">{stepText(entry)}</span>
            </button>
            <IconButton
              icon="close" className="co-frame-close" label={`${S.strip.remove}: ${entry.name}`} onClick={() => void workbench.remove(entry.id)}
            />
            {busy(entry) && <Progress label={`${entry.name}: ${stepText(entry)}`} part={partOf(entry)} />}
          </li>
        ))}
      </ul>
      <FileButton label={S.drop.another} className="co-quiet" onFiles={(files) => workbench.add(files)} />
    </nav>
  )
}

function Badge({ entry }: { readonly entry: FileEntry }): JSX.Element | null {
  if (entry.step.at === 'done') return <i className="co-badge co-badge-done"><Icon name="check" /></i>
  if (entry.step.at === 'failed') return <i className="co-badge co-badge-failed"><Icon name="alert" /></i>
  if (doubtful(entry)) return <i className="co-badge co-badge-doubtful"><Icon name="alert" /></i>
  return null
}
