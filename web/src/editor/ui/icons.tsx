/** Icons, 20 px grid, 1.6 px lines. Decorative: the button that holds one has the name. */
import type { JSX } from 'react'
import { S } from '../../strings'

const PATHS = {
  keep: 'M10 4v12M4 10h12',
  remove: 'M4 10h12',
  brush: 'M3.5 16.5c2.5 0 3.8-.8 4-2.8M16.6 3.4c-.9-.8-2-.4-2.9.5L7.6 10.6a2.4 2.4 0 0 1 2 2.4l6.6-6.5c.9-.9 1.2-2.3.4-3.1Z',
  eraser: 'M7.5 16.5h9M3.8 12.2l7.9-7.9a1.6 1.6 0 0 1 2.3 0l2.2 2.2a1.6 1.6 0 0 1 0 2.3l-7.7 7.7H6.3l-2.5-2.1a1.6 1.6 0 0 1 0-2.2ZM8.2 7.8l4.6 4.6',
  box: 'M4 7V4h3M13 4h3v3M16 13v3h-3M7 16H4v-3',
  refine: 'M8.6 13.2a4.6 4.6 0 1 0 0-9.2 4.6 4.6 0 0 0 0 9.2ZM12 12l4.5 4.5M8.6 6.6v4M6.6 8.6h4',
  pan: 'M6.5 10.5V5.2a1.2 1.2 0 0 1 2.4 0v4-5.4a1.2 1.2 0 0 1 2.4 0v5.4-4.6a1.2 1.2 0 0 1 2.4 0v6c0 4-1.6 6-4.6 6-2.5 0-3.6-1.2-5-3.6L3 11.2c-.8-1.3.8-2.3 1.8-1.3l1.7 1.8',
  undo: 'M7.5 4.5 4 8l3.5 3.5M4.4 8H12a4 4 0 0 1 0 8H8',
  redo: 'M12.5 4.5 16 8l-3.5 3.5M15.6 8H8a4 4 0 0 0 0 8h4',
  trash: 'M4 6h12M8 6V4h4v2M5.5 6l.8 10h7.4l.8-10M8.7 9v4.5M11.3 9v4.5',
  plus: 'M10 4.5v11M4.5 10h11',
  minus: 'M4.5 10h11',
  fit: 'M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4',
  download: 'M10 3.5v9M6.2 9 10 12.8 13.8 9M4 16.5h12',
  history: 'M3.6 10a6.4 6.4 0 1 0 2-4.7L3.6 7.2M3.6 3.6v3.6h3.6M10 6.6V10l2.4 1.6',
  keyboard: 'M2.5 6h15v8.5h-15zM5.5 9h.01M8.5 9h.01M11.5 9h.01M14.5 9h.01M6.5 12h7',
  image: 'M3.5 4.5h13v11h-13zM3.5 13l3.6-3.6 3 3 2.4-2.4 4 4M12.8 7.8h.01',
  camera: 'M3 6.5h3l1.2-2h5.6l1.2 2h3v9H3zM10 13.4a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2Z',
  user: 'M10 10.2a3.1 3.1 0 1 0 0-6.2 3.1 3.1 0 0 0 0 6.2ZM3.8 16.6c.6-3 3-4.4 6.2-4.4s5.6 1.4 6.2 4.4',
  close: 'M5 5l10 10M15 5 5 15',
  sliders: 'M4 6h7M15 6h1M4 14h1M9 14h7M13 6a1.8 1.8 0 1 1-.01 0M7 14a1.8 1.8 0 1 1-.01 0',
  eye: 'M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5ZM10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Z',
  check: 'M4.5 10.5l3.5 3.5 7.5-8',
  alert: 'M10 3.2 17.5 16h-15zM10 8v3.6M10 13.8h.01',
  archive: 'M3.5 4h13v3.2h-13zM4.5 7.2v8.8h11V7.2M8 10.5h4',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg className="co-icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}

/** The mark and the name, at the top of every page. */
export function Brand(): JSX.Element {
  return (
    <span className="co-brand">
      <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 4h7v7H4zM13 13h7v7h-7z" /><circle cx="12" cy="12" r="5.4" /></svg>
      {S.product}
    </span>
  )
}
