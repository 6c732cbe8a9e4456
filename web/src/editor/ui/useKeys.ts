/** The keyboard of the editor. Keys that a focused control needs stay with it. */
import { useEffect } from 'react'
import type { EditorSession } from '../session'
import { meaningOf, type PageCommand } from '../tools/keys'

const TYPING = 'input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, dialog'
/** Space and Enter press buttons; arrows move sliders and radios. */
const OWN_KEYS = new Set([' ', 'Enter', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'PageDown'])

function belongsToControl(event: KeyboardEvent): boolean {
  const target = event.target
  if (!(target instanceof Element)) return false
  if (target.closest(TYPING)) return true
  return OWN_KEYS.has(event.key) && target.closest('button, input, a, summary, [role=toolbar]') !== null
}

export function useKeys(session: EditorSession | null, onCommand: (command: PageCommand, down: boolean) => void): void {
  useEffect(() => {
    const onDown = (event: KeyboardEvent): void => {
      if (!session || event.isComposing || belongsToControl(event)) return
      const press = { key: event.key, command: event.ctrlKey || event.metaKey, shift: event.shiftKey, alt: event.altKey, repeat: event.repeat }
      const meaning = meaningOf(press, session.stage.get())
      if (!meaning) return
      event.preventDefault()
      if (meaning.kind === 'stage') session.dispatch(meaning.event)
      else onCommand(meaning.command, true)
    }
    const onUp = (event: KeyboardEvent): void => {
      if (event.key === ' ') session?.dispatch({ type: 'space', held: false })
      if (event.key === '\\') onCommand('before', false)
    }
    window.addEventListener('keydown', onDown)
    window.addEventListener('keyup', onUp)
    return () => {
      window.removeEventListener('keydown', onDown)
      window.removeEventListener('keyup', onUp)
    }
  }, [session, onCommand])
}
