/** What the user chose last, kept for the next image and the next visit. */
import { DEFAULT_OPTIONS, type CutoutOptions } from '../api/options'
import type { AccountDefaults } from '../api/types'

/** What lies behind the cutout in the preview. `option` shows what the output will have. */
export type Backdrop = 'checker' | 'white' | 'black' | 'option'

export interface Settings {
  readonly options: CutoutOptions
  readonly backdrop: Backdrop
  /** The model asked for unless HD is on; `auto` is the server's best. */
  readonly model: string
  readonly hd: boolean
  /** When the account's defaults that were taken over last had been changed. */
  readonly taken: string | null
}

export const HD_MODEL = 'sam2.1-hiera-small'

const KEY = 'cutout.settings.v1'
export const DEFAULT_SETTINGS: Settings = { options: DEFAULT_OPTIONS, backdrop: 'checker', model: 'auto', hd: false, taken: null }

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

export const modelOf = ({ model, hd }: Settings): string => (hd ? HD_MODEL : model)

/** The account's defaults count once, when they are new to this browser; what is chosen here afterwards stays. */
export function taking(settings: Settings, { model, options, changed_at }: AccountDefaults): Settings {
  if (changed_at === null || changed_at === settings.taken) return settings
  const hd = model === HD_MODEL
  return {
    options: { ...DEFAULT_OPTIONS, ...options },
    backdrop: options.background === null ? settings.backdrop : 'option',
    model: hd ? 'auto' : model,
    hd,
    taken: changed_at,
  }
}

const colourOnly = (background: string | null): string | null => (background?.startsWith('#') ? background : null)
