/**
 * The address that follows the flag serves the document of the user's engine. Who comes from another site, or signs in on the
 * page, was not known yet when it was served: then the page looks once more.
 */
import { requestJson, type ApiConfig } from '../api/http'

export interface Choice {
  readonly engine: 'sam2' | 'clippingmagic'
  readonly reason: string
}

const ROUTED = '/process/background-removal'
export const LEGACY_PAGE = `${ROUTED}-legacy`
const TURNED = 'cutout:routed'

const told = new Map<string, Promise<Choice>>()

/** What the page's user got when it was asked first, by server: a page stays with it until it is left. */
export function choice(config: ApiConfig): Promise<Choice> {
  const known = told.get(config.baseUrl) ?? requestJson<Choice>(config, '/api/editor')
  told.set(config.baseUrl, known)
  known.catch(() => told.delete(config.baseUrl)) // who is not signed in yet may be soon
  return known
}

/** Reloads a page that is not this user's, once. */
export async function followFlag(config: ApiConfig, page: Window = window): Promise<void> {
  if (page.location.pathname !== ROUTED) return
  const { engine } = await choice(config)
  const turned = page.sessionStorage.getItem(TURNED) !== null
  page.sessionStorage.removeItem(TURNED)
  if (engine === 'sam2' || turned) return
  page.sessionStorage.setItem(TURNED, '1')
  page.location.reload()
}
