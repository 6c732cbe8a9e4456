/** Edge, background and output: what Apply will do, and what the preview shows of it. */
import { useState, type JSX } from 'react'
import type { CutoutOptions } from '../../api/options'
import { S } from '../../strings'
import type { EditorSession } from '../session'
import type { Backdrop, Settings } from '../settings'
import type { Picture } from '../workbench'
import { dpiChoices, dpiOf, FORMATS, MATTINGS } from './choices'
import { Progress, Section, Segmented, Select, Slider, Switch } from './controls'
import { FileButton } from './DropZone'
import { usePart } from './hooks'

interface InspectorProps {
  readonly settings: Settings
  readonly session: EditorSession | null
  readonly picture: Picture | null
  readonly onPicture: (file: File) => void
  readonly onChange: (part: Partial<Settings>) => void
  readonly onHd: (hd: boolean) => void
  /** How far the image is encoded with the other model; null when it is not. */
  readonly renewing: number | null
}

export function Inspector({ settings, session, picture, onPicture, onChange, onHd, renewing }: InspectorProps): JSX.Element {
  const { options } = settings
  const set = (part: Partial<CutoutOptions>): void => onChange({ options: { ...options, ...part } })
  return (
    <div className="co-inspector">
      {session && session.image.autoMaskUrl !== null && <StartSection session={session} />}
      <EdgeSection options={options} set={set} />
      <BackgroundSection settings={settings} picture={picture} onPicture={onPicture} onChange={onChange} />
      <OutputSection options={options} set={set} />
      <div className="co-section">
        <Switch label={S.quality.hd} hint={S.quality.hdHint} checked={settings.hd} disabled={renewing !== null} onChange={onHd} />
        {renewing !== null && <Progress label={S.steps.renewing} part={renewing || null} />}
      </div>
    </div>
  )
}

interface SectionProps {
  readonly options: CutoutOptions
  readonly set: (part: Partial<CutoutOptions>) => void
}

function StartSection({ session }: { readonly session: EditorSession }): JSX.Element {
  const start = usePart(session.stage, (stage) => stage.document.start)
  return (
    <div className="co-section">
      <Segmented
        label={S.start.label} value={start} options={[['auto', S.start.auto], ['empty', S.start.empty]]}
        onChange={(next) => session.dispatch({ type: 'start', start: next })}
      />
    </div>
  )
}

function EdgeSection({ options, set }: SectionProps): JSX.Element {
  return (
    <Section title={S.edge.title}>
      <Slider label={S.edge.feather} value={options.feather} min={0} max={100} unit=" px" onChange={(feather) => set({ feather })} />
      <Slider label={S.edge.smooth} value={options.smooth} min={0} max={100} onChange={(smooth) => set({ smooth })} />
      <Slider label={S.edge.offset} value={options.offset} min={-50} max={50} unit=" px" onChange={(offset) => set({ offset })} />
      <Segmented
        label={S.edge.matting} value={options.matting} options={MATTINGS} onChange={(matting) => set({ matting })}
      />
      <Switch label={S.edge.decontaminate} checked={options.decontaminate} onChange={(decontaminate) => set({ decontaminate })} />
    </Section>
  )
}

type Choice = 'none' | 'white' | 'black' | 'colour' | 'picture'

const COLOURS: Record<Exclude<Choice, 'none' | 'picture'>, string> = { white: '#FFFFFF', black: '#000000', colour: '#E8ECF1' }

function choiceOf(background: string | null): Choice {
  if (background === null) return 'none'
  if (!background.startsWith('#')) return 'picture'
  const upper = background.toUpperCase()
  if (upper === COLOURS.white) return 'white'
  return upper === COLOURS.black ? 'black' : 'colour'
}

function BackgroundSection({ settings, picture, onPicture, onChange }: Pick<InspectorProps, 'settings' | 'picture' | 'onPicture' | 'onChange'>): JSX.Element {
  const { options, backdrop } = settings
  const [asking, setAsking] = useState(false) // "Picture" is chosen, which one is not
  const setBackground = (background: string | null): void =>
    onChange({ options: { ...options, background }, backdrop: background === null ? 'checker' : 'option' })
  const choose = (next: Choice): void => {
    setAsking(next === 'picture' && picture === null)
    if (next === 'picture') setBackground(picture?.id ?? null)
    else setBackground(next === 'none' ? null : COLOURS[next])
  }
  const choice = asking && options.background === null ? 'picture' : choiceOf(options.background)
  return (
    <Section title={S.background.title}>
      <div className="co-row">
        <Select<Choice>
          label={S.background.title} value={choice}
          options={(['none', 'white', 'black', 'colour', 'picture'] as const).map((name) => [name, S.background[name]])} onChange={choose}
        />
        {choice === 'colour' && (
          <input
            type="color" className="co-colour" aria-label={S.background.colour} value={(options.background ?? '#ffffff').slice(0, 7)}
            onChange={(event) => setBackground(event.target.value.toUpperCase())}
          />
        )}
      </div>
      {choice === 'picture' && (
        <div className="co-row">
          <FileButton
            one label={picture ? S.background.other : S.background.pick} onFiles={([file]) => file && onPicture(file)}
          />
          {picture && <span className="co-note">{picture.name}</span>}
        </div>
      )}
      {options.background === null && choice === 'none' && (
        <Segmented<Backdrop>
          label={S.background.preview} value={backdrop === 'option' ? 'checker' : backdrop}
          options={[['checker', S.background.checker], ['white', S.background.white], ['black', S.background.black]]}
          onChange={(next) => onChange({ backdrop: next })}
        />
      )}
    </Section>
  )
}

function OutputSection({ options, set }: SectionProps): JSX.Element {
  return (
    <Section title={S.output.title}>
      <Segmented
        label={S.output.format} value={options.format} options={FORMATS} onChange={(format) => set({ format })}
      />
      {options.format === 'jpg' && options.background === null && <p className="co-note">{S.output.jpgNote}</p>}
      <Select
        label={S.output.dpi} value={String(options.dpi)} options={dpiChoices(options.dpi)} onChange={(dpi) => set({ dpi: dpiOf(dpi) })}
      />
      <Switch label={S.output.trim} checked={options.trim} onChange={(trim) => set({ trim })} />
      <Slider
        label={S.output.margin} value={Number.parseFloat(options.margin)} min={0} max={30} unit=" %"
        onChange={(margin) => set({ margin: margin === 0 ? '0' : `${margin}%` })}
      />
    </Section>
  )
}
