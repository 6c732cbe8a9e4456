/** What the user chose last, kept for the next image and the next visit. */
import { DEFAULT_OPTIONS, type CutoutOptions } from '../api/options'

/** What lies behind the cutout in the preview. `option` shows what the output will have. */
export type Backdrop = 'checker' | 'white' | 'black' | 'option'

export interface Settings {
  readonly options: CutoutOptions
  readonly backdrop: Backdrop
  /** The name of the model asked for; `auto` is the server's best. */
  readonly hd: boolean
}

const KEY = 'cutout.settings.v1'
export const DEFAULT_SETTINGS: Settings = { options: DEFAULT_OPTIONS, backdrop: 'checker', hd: false }

export function loadSettings(storage: Pick<Storage, 'getItem'> = localStorage): Settings {
  try {
    const saved = JSON.parse(storage.getItem(KEY) ?? '{}') as Partial<Settings>
    return {
      ...DEFAULT_SETTINGS,
      ...saved,
      // A background picture belongs to one account and may be gone: colours are sticky, pictures are not.
      options: { ...DEFAULT_OPTIONS, ...saved.options, background: colourOnly(saved.options?.background ?? null) },
    }
  } catch {
    return DEFAULT_SETTINGS // storage is forbidden or holds something else: the defaults are fine
  }
}

export function saveSettings(settings: Settings, storage: Pick<Storage, 'setItem'> = localStorage): void {
  try {
    storage.setItem(KEY, JSON.stringify(settings))
  } catch (error) {
    if (!(error instanceof DOMException)) throw error // full or forbidden: they last until the page closes
  }
}

const colourOnly = (background: string | null): string | null => (background?.startsWith('#') ? background : null)
