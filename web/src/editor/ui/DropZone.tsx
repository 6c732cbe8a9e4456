/** Where photos come in: drop, paste, pick, camera. Live before anything of the engine is loaded. */
import { useRef, type JSX } from 'react'
import { S } from '../../strings'
import { Icon } from './icons'

const ACCEPT = 'image/*,.heic,.heif,.tif,.tiff,.avif'

export function DropZone({ onFiles }: { readonly onFiles: (files: readonly File[]) => void }): JSX.Element {
  return (
    <div className="co-drop">
      <div className="co-drop-art" aria-hidden="true">
        <Icon name="image" />
      </div>
      <h1>{S.drop.title}</h1>
      <p>{S.drop.hint}</p>
      <div className="co-row co-centre">
        <FileButton className="co-primary" label={S.drop.choose} onFiles={onFiles} />
        <FileButton className="co-camera" label={S.drop.camera} camera onFiles={onFiles} />
      </div>
      <p className="co-fine">{S.drop.formats}</p>
    </div>
  )
}

interface FileButtonProps {
  readonly label: string
  readonly className?: string
  readonly camera?: boolean
  /** A single file. */
  readonly one?: boolean
  readonly onFiles: (files: readonly File[]) => void
}

export function FileButton({ label, className = '', camera = false, one = camera, onFiles }: FileButtonProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <button type="button" className={`co-button ${className}`} onClick={() => input.current?.click()}>
        <Icon name={camera ? 'camera' : 'plus'} />
        {label}
      </button>
      <input
        ref={input} type="file" hidden multiple={!one} accept={ACCEPT} aria-label={label} tabIndex={-1}
        {...(camera ? { capture: 'environment' } : {})}
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])])
          event.target.value = '' // choosing the same file again must be a change
        }}
      />
    </>
  )
}
