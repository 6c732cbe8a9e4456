/** Colours of marks: distinct for every common colour vision; shape (solid + / hollow −) says the same again. */
export const MARK = {
  keep: { line: '#16a34a', paint: 'rgba(34, 197, 94, 0.55)' },
  remove: { line: '#e11d48', paint: 'rgba(244, 63, 94, 0.14)' },
  outline: '#ffffff',
  box: '#2563eb',
} as const
