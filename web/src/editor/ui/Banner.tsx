/** What went wrong and the next step. */
import type { JSX } from 'react'
import { S, faultText } from '../../strings'
import { IconButton } from './controls'
import { Icon } from './icons'

interface BannerProps {
  readonly code: string
  readonly detail?: string | undefined
  readonly about?: string | undefined
  /** Where one signs in, for who is signed out. */
  readonly signInUrl?: string | undefined
  readonly onRetry?: (() => void) | undefined
  /** Instead of a retry, where that is hopeless. */
  readonly onRemove?: (() => void) | undefined
  readonly onDismiss?: (() => void) | undefined
}

export function Banner({ code, detail, about, signInUrl, onRetry, onRemove, onDismiss }: BannerProps): JSX.Element {
  return (
    <div className="co-banner" role="alert">
      <Icon name="alert" />
      <p>
        {about && <strong>{about}: </strong>}
        {faultText(code, detail)} <code>{code}</code>
      </p>
      {code === 'not_signed_in' && signInUrl !== undefined && <a className="co-button" href={signInUrl}>{S.signIn}</a>}
      {onRetry && <button type="button" className="co-button" onClick={onRetry}>{S.retry}</button>}
      {onRemove && <button type="button" className="co-button" onClick={onRemove}>{S.strip.remove}</button>}
      {onDismiss && <IconButton icon="close" label={S.dismiss} onClick={onDismiss} />}
    </div>
  )
}
