/** "Send to ClippingMagic": for a photo that is too hard, in a page of its own, so that no mark is lost. */
import { useEffect, useState, type JSX } from 'react'
import type { ApiConfig } from '../api/http'
import { choice, LEGACY_PAGE } from './route'
import { L } from './strings'

export function SendLink({ config, imageId }: { readonly config: ApiConfig; readonly imageId: string }): JSX.Element | null {
  const [offered, setOffered] = useState(false)
  useEffect(() => {
    // the legacy page knows its user by a cookie: in whoever's page this is there is none
    if (config.token !== null) return
    let here = true
    choice(config)
      .then(({ reason }) => here && setOffered(reason !== 'no_legacy'))
      .catch(() => undefined) // no offer then
    return () => {
      here = false
    }
  }, [config])
  if (!offered) return null
  return (
    <div className="co-section">
      <a className="co-note" href={`${config.baseUrl}${LEGACY_PAGE}?image=${imageId}`} target="_blank" rel="noopener">
        {L.sendLink}
      </a>
    </div>
  )
}
