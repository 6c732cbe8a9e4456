/** A modal sheet on the platform's own dialog: focus trap, Esc and inertness come with it. */
import { useEffect, useId, useRef, type JSX, type ReactNode } from 'react'
import { S } from '../../strings'
import { IconButton } from './controls'

interface DialogProps {
  readonly title: string
  readonly onClose: () => void
  readonly children: ReactNode
}

export function Dialog({ title, onClose, children }: DialogProps): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  return (
    <dialog
      ref={ref} className="co-dialog" aria-labelledby={id} onClose={onClose}
      onClick={(event) => event.target === ref.current && onClose()} // the backdrop
    >
      <header>
        <h2 id={id}>{title}</h2>
        <IconButton icon="close" label={S.shortcuts.close} onClick={onClose} />
      </header>
      {children}
    </dialog>
  )
}
