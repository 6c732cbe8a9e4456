/** The few form controls, all native inside: keyboard and screen readers get what they expect. */
import { useId, type CSSProperties, type JSX, type ReactNode } from 'react'
import { Icon, type IconName } from './icons'

interface IconButtonProps {
  readonly icon: IconName
  readonly label: string
  readonly hint?: string
  readonly shortcut?: string
  readonly pressed?: boolean
  readonly disabled?: boolean
  readonly className?: string
  readonly onClick: () => void
}

export function IconButton({ icon, label, hint, shortcut, pressed, disabled = false, className = '', onClick }: IconButtonProps): JSX.Element {
  const title = [hint ?? label, shortcut && `(${shortcut})`].filter(Boolean).join(' ')
  return (
    <button
      type="button" className={`co-icon-button ${className}`} aria-label={label} title={title} aria-pressed={pressed}
      aria-keyshortcuts={shortcut} disabled={disabled} onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  )
}

interface SliderProps {
  readonly label: string
  readonly value: number
  readonly min: number
  readonly max: number
  readonly step?: number
  readonly unit?: string
  readonly onChange: (value: number) => void
}

export function Slider({ label, value, min, max, step = 1, unit = '', onChange }: SliderProps): JSX.Element {
  const id = useId()
  const at = (one: number): string => `${((one - min) / (max - min)) * 100}%`
  const zero = Math.max(min, 0)
  const filled = { '--from': at(Math.min(value, zero)), '--to': at(Math.max(value, zero)) } as CSSProperties
  return (
    <div className="co-slider">
      <label htmlFor={id}>{label}</label>
      <output htmlFor={id}>{`${value}${unit}`}</output>
      <input
        id={id} type="range" min={min} max={max} step={step} value={value} aria-valuetext={`${value}${unit}`}
        style={filled} onChange={(event) => onChange(event.target.valueAsNumber)}
      />
    </div>
  )
}

interface SegmentedProps<T extends string> {
  readonly label: string
  readonly value: T
  readonly options: readonly (readonly [T, string])[]
  readonly hideLabel?: boolean
  readonly onChange: (value: T) => void
}

export function Segmented<T extends string>({ label, value, options, hideLabel = false, onChange }: SegmentedProps<T>): JSX.Element {
  const name = useId()
  return (
    <fieldset className="co-segmented">
      <legend className={hideLabel ? 'co-hidden' : ''}>{label}</legend>
      <div>
        {options.map(([option, text]) => (
          <label key={option}>
            <input type="radio" name={name} checked={option === value} onChange={() => onChange(option)} />
            <span>{text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}

interface SwitchProps {
  readonly label: string
  readonly hint?: string
  readonly checked: boolean
  readonly disabled?: boolean
  readonly onChange: (checked: boolean) => void
}

export function Switch({ label, hint, checked, disabled = false, onChange }: SwitchProps): JSX.Element {
  const id = useId()
  return (
    <div className="co-switch">
      <label htmlFor={id}>
        {label}
        {hint && <small>{hint}</small>}
      </label>
      <input id={id} type="checkbox" role="switch" checked={checked} disabled={disabled} onChange={(event) => onChange(event.target.checked)} />
    </div>
  )
}

interface SelectProps<T extends string> {
  readonly label: string
  readonly value: T
  readonly options: readonly (readonly [T, string])[]
  readonly onChange: (value: T) => void
}

export function Select<T extends string>({ label, value, options, onChange }: SelectProps<T>): JSX.Element {
  const id = useId()
  return (
    <div className="co-field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value as T)}>
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </div>
  )
}

export function Section({ title, children }: { readonly title: string; readonly children: ReactNode }): JSX.Element {
  const id = useId()
  return (
    <section className="co-section" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  )
}

/** `part` null: busy, no figure known. */
export function Progress({ label, part }: { readonly label: string; readonly part: number | null }): JSX.Element {
  return <progress className="co-progress" aria-label={label} {...(part === null ? {} : { value: part, max: 1 })} />
}
