/** Past images: reopen with their marks, download again, delete. */
import { useEffect, useState, type JSX } from 'react'
import { ApiError } from '../../api/http'
import type { CutoutResult, ImageInfo, Page } from '../../api/types'
import { S } from '../../strings'
import { saveBlob } from '../browser'
import { resultName } from '../files'
import type { Workbench } from '../workbench'
import { Banner } from './Banner'
import { IconButton } from './controls'
import { Dialog } from './Dialog'

interface Past {
  readonly image: ImageInfo
  readonly result: CutoutResult | null
}

async function load(workbench: Workbench, cursor: string | null): Promise<Page<Past>> {
  const { items, next_cursor } = await workbench.api.images(cursor)
  const past = items.map(async (image) => ({ image, result: await workbench.api.lastResult(image.id) }))
  return { items: await Promise.all(past), next_cursor }
}

export function HistoryPanel({ workbench, onClose }: { readonly workbench: Workbench; readonly onClose: () => void }): JSX.Element {
  const [past, setPast] = useState<readonly Past[] | null>(null)
  const [cursor, setCursor] = useState<string | null>(null)
  const [fault, setFault] = useState<ApiError | null>(null)
  const more = (from: string | null): void => {
    load(workbench, from).then(
      (page) => {
        setPast((before) => [...(from === null ? [] : (before ?? [])), ...page.items])
        setCursor(page.next_cursor)
      },
      (error: unknown) => setFault(error instanceof ApiError ? error : new ApiError('internal', String(error), 0)),
    )
  }
  useEffect(() => more(null), [workbench]) // eslint-disable-line react-hooks/exhaustive-deps -- once per opening
  const remove = (id: string): void => {
    workbench.api.deleteImage(id).then(
      () => setPast((before) => before?.filter(({ image }) => image.id !== id) ?? null),
      (error: unknown) => setFault(error instanceof ApiError ? error : null),
    )
  }
  return (
    <Dialog title={S.history.title} onClose={onClose}>
      {fault && <Banner code={fault.code} detail={fault.message} onRetry={() => { setFault(null); more(null) }} />}
      {past?.length === 0 && <p className="co-note">{S.history.empty}</p>}
      <ul className="co-history">
        {past?.map((one) => (
          <HistoryRow
            key={one.image.id} past={one} workbench={workbench} onRemove={() => remove(one.image.id)}
            onOpen={() => {
              void workbench.reopen(one.image.id, nameOf(one.image))
              onClose()
            }}
          />
        ))}
      </ul>
      {cursor && <button type="button" className="co-button" onClick={() => more(cursor)}>{S.history.more}</button>}
    </Dialog>
  )
}

const nameOf = (image: ImageInfo): string => image.filename ?? image.id.slice(-8)

interface HistoryRowProps {
  readonly past: Past
  readonly workbench: Workbench
  readonly onOpen: () => void
  readonly onRemove: () => void
}

function HistoryRow({ past: { image, result }, workbench, onOpen, onRemove }: HistoryRowProps): JSX.Element {
  const name = nameOf(image)
  const save = async (file: CutoutResult): Promise<void> => saveBlob(await workbench.api.file(file.url), resultName(name, file.format))
  return (
    <li>
      <button type="button" className="co-history-open" onClick={onOpen} title={`${S.history.open}: ${name}`}>
        <img src={workbench.api.url(image.urls.working)} alt="" loading="lazy" width={72} height={54} />
        <span>
          <strong>{name}</strong>
          <small>{`${image.width} × ${image.height} · ${new Date(image.created_at).toLocaleString()}`}</small>
        </span>
      </button>
      {result && <IconButton icon="download" label={`${S.history.download}: ${name}`} onClick={() => void save(result)} />}
      <IconButton
        icon="trash" label={`${S.history.remove}: ${name}`}
        onClick={() => {
          if (window.confirm(S.history.removeAsk(name))) onRemove()
        }}
      />
    </li>
  )
}
