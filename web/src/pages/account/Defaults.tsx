/** The model and the options that jobs get where they do not say. */
import { useCallback, useState, type JSX, type SubmitEvent } from 'react'
import type { CutoutOptions, Format, Matting } from '../../api/options'
import type { AccountDefaults } from '../../api/types'
import { dpiChoices, dpiOf, FORMATS, MATTINGS } from '../../editor/ui/choices'
import { Segmented, Select, Slider, Switch } from '../../editor/ui/controls'
import { S } from '../../strings'
import { Fault, useAction, useLoaded } from '../Frame'
import { P } from '../strings'
import type { AccountApi } from './api'
import { Card } from './parts'

const SIDES = ['', '1000', '2000', '4000'] as const

export function Defaults({ api }: { readonly api: AccountApi }): JSX.Element {
  const { value, fault, reload } = useLoaded(useCallback(() => api.defaults(), [api]))
  return (
    <Card title={P.defaults.title} hint={P.defaults.hint}>
      <Fault fault={fault} onRetry={reload} />
      {value && <DefaultsForm api={api} kept={value} />}
    </Card>
  )
}

function DefaultsForm({ api, kept }: { readonly api: AccountApi; readonly kept: AccountDefaults }): JSX.Element {
  const [model, setModel] = useState(kept.model)
  const [options, setOptions] = useState(kept.options)
  const [saved, setSaved] = useState(false)
  const { busy, fault, run, dismiss } = useAction()
  const set = (part: Partial<CutoutOptions>): void => {
    setSaved(false)
    setOptions({ ...options, ...part })
  }
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    run(async () => {
      await api.setDefaults({ model, options })
      setSaved(true)
    })
  }
  return (
    <form className="co-grid-form" onSubmit={submit}>
      <Fault fault={fault} onDismiss={dismiss} />
      <Select
        label={P.defaults.model} value={model} options={kept.models.map((name) => [name, name === 'auto' ? P.defaults.auto : name])}
        onChange={(next) => { setSaved(false); setModel(next) }}
      />
      <OutputFields options={options} set={set} />
      <EdgeFields options={options} set={set} />
      <div className="co-row">
        <button type="submit" className="co-button co-primary" disabled={busy}>{P.defaults.save}</button>
        <span className="co-note" role="status">{saved ? P.defaults.saved : ''}</span>
      </div>
    </form>
  )
}

interface FieldsProps {
  readonly options: CutoutOptions
  readonly set: (part: Partial<CutoutOptions>) => void
}

function OutputFields({ options, set }: FieldsProps): JSX.Element {
  const sides = SIDES.some((side) => side === String(options.max_side ?? '')) ? SIDES : [...SIDES, String(options.max_side)]
  return (
    <>
      <Select<Format>
        label={S.output.format} value={options.format} options={FORMATS} onChange={(format) => set({ format })}
      />
      <Background value={options.background} onChange={(background) => set({ background })} />
      <Select
        label={S.output.dpi} value={String(options.dpi)} options={dpiChoices(options.dpi)} onChange={(dpi) => set({ dpi: dpiOf(dpi) })}
      />
      <Select
        label={P.defaults.longest} value={String(options.max_side ?? '')} options={sides.map((side) => [side, side === '' ? P.defaults.unlimited : `${side} px`])}
        onChange={(side) => set({ max_side: side === '' ? null : Number(side) })}
      />
      <Switch label={S.output.trim} checked={options.trim} onChange={(trim) => set({ trim })} />
      <Slider
        label={S.output.margin} value={Number.parseFloat(options.margin)} min={0} max={30} unit={options.margin.endsWith('px') ? ' px' : ' %'}
        onChange={(margin) => set({ margin: margin === 0 ? '0' : `${margin}%` })}
      />
    </>
  )
}

type Ground = (typeof P.defaults.backgrounds)[number][0]

function Background({ value, onChange }: { readonly value: string | null; readonly onChange: (value: string | null) => void }): JSX.Element {
  const upper = value?.toUpperCase() ?? 'none'
  const ground: Ground = upper === 'none' || upper === '#FFFFFF' || upper === '#000000' ? upper : 'own'
  return (
    <div className="co-row">
      <Select<Ground>
        label={P.defaults.background} value={ground} options={P.defaults.backgrounds}
        onChange={(next) => onChange(next === 'none' ? null : next === 'own' ? '#E8ECF1' : next)}
      />
      {ground === 'own' && (
        <input
          type="color" className="co-colour" aria-label={S.background.colour} value={upper.slice(0, 7).toLowerCase()}
          onChange={(event) => onChange(event.target.value.toUpperCase())}
        />
      )}
    </div>
  )
}

function EdgeFields({ options, set }: FieldsProps): JSX.Element {
  return (
    <>
      <Segmented<Matting>
        label={S.edge.matting} value={options.matting} options={MATTINGS} onChange={(matting) => set({ matting })}
      />
      <Switch label={S.edge.decontaminate} checked={options.decontaminate} onChange={(decontaminate) => set({ decontaminate })} />
      <Slider label={S.edge.feather} value={options.feather} min={0} max={100} unit=" px" onChange={(feather) => set({ feather })} />
      <Slider label={S.edge.smooth} value={options.smooth} min={0} max={100} onChange={(smooth) => set({ smooth })} />
    </>
  )
}
