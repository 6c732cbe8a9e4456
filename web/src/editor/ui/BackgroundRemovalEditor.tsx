/** The editor as one component: the page and the library build are both this. */
import { useCallback, useEffect, useState, useSyncExternalStore, type JSX } from 'react'
import { CutoutApi } from '../../api/client'
import { ApiError, type ApiConfig } from '../../api/http'
import type { CutoutOptions } from '../../api/options'
import { Store } from '../../store'
import { Review } from '../review'
import { S } from '../../strings'
import type { PageCommand } from '../tools/keys'
import { Workbench, type WorkbenchEvents } from '../workbench'
import { Banner } from './Banner'
import { DropZone } from './DropZone'
import { Filmstrip } from './Filmstrip'
import { HistoryPanel } from './HistoryPanel'
import { usePart, useStore } from './hooks'
import { ReviewEmpty } from './ReviewEmpty'
import { ShortcutSheet } from './ShortcutSheet'
import { StatusLine } from './StatusLine'
import { TopBar } from './TopBar'
import { useIntake } from './useIntake'
import { useKeys } from './useKeys'
import { Workspace } from './Workspace'
import './styles/editor.css'

export interface BackgroundRemovalEditorProps {
  /** A picture to start with … */
  readonly image?: File | Blob
  /** … or an image that the service has already. */
  readonly imageId?: string
  /** Or a batch whose cutouts are to be looked at, the least confident first. */
  readonly batchId?: string
  /** Takes the finished file; without it the editor downloads it. */
  readonly onComplete?: (result: { readonly file: Blob; readonly imageId: string; readonly name: string }) => void
  readonly onCancel?: () => void
  readonly onEvent?: WorkbenchEvents['onEvent']
  /** Output options to begin with. */
  readonly options?: Partial<CutoutOptions>
  readonly api?: ApiConfig
  /** Of the editor's own page; a host page signs its people in itself, by `api.token`. */
  readonly account?: Account
}

/** Who is signed in, and where one signs in and sees what one has. */
export interface Account {
  readonly url: string
  readonly signInUrl: string
  /** Resolves once somebody is in; what it gives is called with what to do when they are out again, and gives how to stop. */
  readonly enter: () => Promise<(onEnd: () => void) => () => void>
}

interface Opened {
  readonly workbench: Workbench
  readonly review: Review | null
}

function open({ api, onComplete, onEvent, options, image, imageId, batchId }: BackgroundRemovalEditorProps): Opened {
  const review = batchId === undefined ? null : new Review(batchId)
  const workbench = new Workbench(new CutoutApi(api), {
    ...(onEvent ? { onEvent } : {}),
    ...(review ? { onApplied: (entry, job) => review.mended(entry, job) } : {}),
    ...(onComplete ? { onComplete: (file, entry) => onComplete({ file, imageId: entry.imageId ?? '', name: entry.name }) } : {}),
  })
  if (options) workbench.setSettings({ options: { ...workbench.state.get().settings.options, ...options } })
  if (image) workbench.add([image instanceof File ? image : new File([image], 'image', { type: image.type })])
  if (imageId !== undefined) void workbench.reopen(imageId, imageId.slice(-8))
  void review?.start(workbench)
  return { workbench, review }
}

export function BackgroundRemovalEditor(props: BackgroundRemovalEditorProps): JSX.Element {
  const [holder] = useState(() => new Store<Opened | null>(null))
  const opened = useStore(holder)
  useEffect(() => {
    const opened = open(props)
    holder.set(opened)
    return () => {
      opened.review?.stop()
      void opened.workbench.dispose()
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- props are where it starts; a host that wants another image gives a new key
  }, [])
  return <div className="co-editor">{opened && <Editor {...opened} account={props.account} onCancel={props.onCancel} />}</div>
}

type Sheet = 'history' | 'shortcuts' | null

interface EditorProps {
  readonly workbench: Workbench
  readonly review: Review | null
  readonly account: Account | undefined
  readonly onCancel: (() => void) | undefined
}

function Editor({ workbench, review, account, onCancel }: EditorProps): JSX.Element {
  const { entries, current, session, settings, picture, notice } = useStore(workbench.state)
  const [sheet, setSheet] = useState<Sheet>(null)
  const [before, setBefore] = useState(false)
  const [adjusting, setAdjusting] = useState(false)
  const addFiles = useCallback((files: readonly File[]) => workbench.add(files), [workbench])
  const { over, handlers } = useIntake(addFiles)
  const onCommand = useCallback(
    (command: PageCommand, down: boolean) => {
      if (command === 'before') setBefore(down)
      else if (command === 'apply') void workbench.apply()
      else if (command === 'refine') void (down && session?.refine())
      else if (command === 'accept') void review?.accept()
      else if (command === 'shortcuts') setSheet('shortcuts')
      else workbench.turn(command === 'next-image' ? 1 : -1)
    },
    [workbench, review, session],
  )
  useKeys(session, onCommand)
  usePreload(workbench)
  useAccount(workbench, account)
  useLeaveWarning(workbench)
  useReconnect(workbench)
  const entry = entries.find((one) => one.id === current) ?? null
  const opened = useOpened(workbench)
  return (
    <div className="co-app" data-empty={entries.length === 0} data-over={over} {...handlers}>
      {entry && <a className="co-skip" href="#co-image">{S.skip}</a>}
      <TopBar
        workbench={workbench} entry={entry} canApply={opened} finished={entries.filter((one) => one.result).length}
        onHistory={() => setSheet('history')} onShortcuts={() => setSheet('shortcuts')}
        onAdjust={entry ? () => setAdjusting(!adjusting) : null} onCancel={onCancel ?? null}
        accountUrl={account?.url ?? null} review={review}
      />
      {notice && <Banner {...notice} signInUrl={account?.signInUrl} onDismiss={() => workbench.dismissNotice()} />}
      {entries.length === 0 ? (
        <main className="co-empty">{review ? <ReviewEmpty review={review} /> : <DropZone onFiles={addFiles} />}</main>
      ) : (
        <Workspace
          workbench={workbench} entry={entry} session={session} settings={settings} picture={picture} before={before} adjusting={adjusting}
          onBefore={setBefore}
        />
      )}
      {entries.length > 0 && <Filmstrip workbench={workbench} entries={entries} current={current} />}
      <StatusLine engines={workbench.engines} session={session} />
      {over && <div className="co-overlay" aria-hidden="true">{S.drop.over}</div>}
      {sheet === 'shortcuts' && <ShortcutSheet onClose={() => setSheet(null)} />}
      {sheet === 'history' && <HistoryPanel workbench={workbench} onClose={() => setSheet(null)} />}
    </div>
  )
}

const NEVER = (): (() => void) => () => undefined

/** Whether the open image can be applied: its mask is on screen. */
function useOpened(workbench: Workbench): boolean {
  const session = usePart(workbench.state, (state) => state.session)
  return useSyncExternalStore(session?.mask.subscribe ?? NEVER, () => session !== null && session.mask.get().rendered !== null)
}

/** The engine is fetched when the page has nothing better to do: the drop zone never waits for it. */
function usePreload(workbench: Workbench): void {
  useEffect(() => {
    if (!('requestIdleCallback' in window)) {
      const timer = setTimeout(() => workbench.preload(), 1000)
      return () => clearTimeout(timer)
    }
    const idle = requestIdleCallback(() => workbench.preload(), { timeout: 3000 })
    return () => cancelIdleCallback(idle)
  }, [workbench])
}

/** Beside everything else: what needs a sign-in is refused until then. */
function useAccount(workbench: Workbench, account: Account | undefined): void {
  useEffect(() => {
    if (!account) return
    let stop = (): void => undefined
    let left = false
    const enter = async (): Promise<void> => {
      const watch = await account.enter()
      if (left) return
      stop = watch(() => workbench.notify({ code: 'not_signed_in' }))
      await workbench.startFromAccount()
    }
    enter().catch((error: unknown) => {
      // offline, or restarting: whatever needs the server says so itself
      if (!(error instanceof ApiError) || !error.temporary) workbench.notifyOf(error)
    })
    return () => {
      left = true
      stop()
    }
  }, [workbench, account])
}

function useReconnect(workbench: Workbench): void {
  useEffect(() => {
    const onOnline = (): void => workbench.reconnected()
    window.addEventListener('online', onOnline)
    return () => window.removeEventListener('online', onOnline)
  }, [workbench])
}

/** Marks are kept; what is lost by leaving is an upload or a cutout under way, or marks that storage refused. */
function useLeaveWarning(workbench: Workbench): void {
  useEffect(() => {
    const onLeave = (event: BeforeUnloadEvent): void => {
      if (workbench.losesByLeaving()) event.preventDefault()
    }
    window.addEventListener('beforeunload', onLeave)
    return () => window.removeEventListener('beforeunload', onLeave)
  }, [workbench])
}
