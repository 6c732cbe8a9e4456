/** ClippingMagic's own script and its white-label editor, a popup. Removed with the legacy engine: docs/migration.md. */

export interface Editable {
  readonly id: number
  readonly secret: string
  readonly api_id: number | string
  /** Where its script is. */
  readonly script: string
}

type Told =
  | { readonly event: 'result-generated'; readonly image: { readonly id: number } }
  | { readonly event: 'editor-exit' }
  | { readonly event: 'error'; readonly error: { readonly message?: string } }

export interface ClippingMagic {
  /** What this browser lacks. */
  initialize(options: { apiId: number | string }): string[]
  edit(options: { image: { id: number; secret: string }; useStickySettings: boolean; locale: string }, tell: (told: Told) => void): void
}

/** How an edit ended, or why it could not begin. */
export type Outcome = 'done' | 'left' | 'blocked' | 'failed'

export class ScriptMissing extends Error {}
export class BrowserLacks extends Error {}

const SCRIPT_S = 15

/** Loads the script once; again after a failure. Rejects with ScriptMissing, BrowserLacks. */
export async function load(editable: Editable, page: Document = document, timeoutMs = SCRIPT_S * 1000): Promise<ClippingMagic> {
  const magic = present(page) ?? (await fetched(editable.script, page, timeoutMs))
  const lacks = magic.initialize({ apiId: editable.api_id })
  if (lacks.length > 0) throw new BrowserLacks(lacks.join('; '))
  return magic
}

function present(page: Document): ClippingMagic | undefined {
  return (page.defaultView as (Window & { ClippingMagic?: ClippingMagic }) | null)?.ClippingMagic
}

function fetched(url: string, page: Document, timeoutMs: number): Promise<ClippingMagic> {
  return new Promise((resolve, reject) => {
    const script = page.createElement('script')
    const fail = (): void => {
      script.remove()
      reject(new ScriptMissing(url))
    }
    const timer = setTimeout(fail, timeoutMs)
    script.onerror = () => {
      clearTimeout(timer)
      fail()
    }
    script.onload = () => {
      clearTimeout(timer)
      const magic = present(page)
      if (magic) resolve(magic)
      else fail() // a proxy's page in place of the script
    }
    script.src = url
    page.head.append(script)
  })
}

/** Opens the popup, so call it from a click; resolves when the person is done with it. */
export function edit(magic: ClippingMagic, { id, secret }: Editable, page: Window = window): Promise<Outcome> {
  return new Promise((resolve) => {
    // the script does not always say that its popup was blocked: what the browser answers it is seen here
    const open = page.open.bind(page)
    const seen = { blocked: false }
    page.open = (...args) => {
      const popup = open(...args)
      seen.blocked = popup === null
      return popup
    }
    try {
      magic.edit({ image: { id, secret }, useStickySettings: true, locale: 'en-US' }, (told) => {
        if (told.event === 'result-generated') resolve('done')
        else if (told.event === 'editor-exit') resolve('left')
        else resolve(seen.blocked ? 'blocked' : 'failed')
      })
    } catch {
      resolve('failed')
    } finally {
      page.open = open
    }
    if (seen.blocked) resolve('blocked')
  })
}
