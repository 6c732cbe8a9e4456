/** What was made, what it cost, and what was saved by it. */
import { useCallback, useState, type JSX } from 'react'
import { Select } from '../../editor/ui/controls'
import { Fault, useLoaded } from '../Frame'
import { P } from '../strings'
import type { AccountApi, Sum, UsageReport } from './api'
import { Card, Table, day, dollars } from './parts'

type Period = (typeof P.usage.periods)[number][0]

export function Usage({ api }: { readonly api: AccountApi }): JSX.Element {
  const [period, setPeriod] = useState<Period>('30')
  const { value, fault, reload } = useLoaded(useCallback(() => api.usage(Number(period)), [api, period]))
  return (
    <Card title={P.usage.title} actions={<Select<Period> label={P.usage.period} value={period} options={P.usage.periods} onChange={setPeriod} />}>
      <Fault fault={fault} onRetry={reload} />
      {value && <Figures total={value.total} />}
      {value && (value.days.length === 0 ? <p className="co-note">{P.usage.empty}</p> : (
        <Rows label={P.usage.table} first={P.usage.day} rows={[...value.days].reverse().map((one) => ({ ...one, when: day(one.day) }))} />
      ))}
      {value && value.months.length > 0 && (
        <Rows label={P.usage.monthTable} first={P.usage.month} rows={[...value.months].reverse().map((one) => ({ ...one, when: one.month }))} />
      )}
    </Card>
  )
}

function Figures({ total }: Pick<UsageReport, 'total'>): JSX.Element {
  return (
    <dl className="co-facts co-facts-large">
      <div><dt>{P.usage.cutouts}</dt><dd>{total.cutouts}</dd></div>
      <div><dt>{P.usage.credits}</dt><dd>{total.credits}</dd></div>
      <div><dt>{P.usage.cost}</dt><dd>{dollars(total.cost_usd)}</dd></div>
      <div><dt>{P.usage.saved} <small>{P.usage.savedHint}</small></dt><dd>{dollars(total.saved_usd)}</dd></div>
    </dl>
  )
}

interface RowsProps {
  readonly label: string
  readonly first: string
  readonly rows: readonly (Sum & { readonly when: string; readonly engine: string })[]
}

function Rows({ label, first, rows }: RowsProps): JSX.Element {
  const { engine, cutouts, credits, cost, saved } = P.usage
  return (
    <Table label={label} head={[first, engine, cutouts, credits, cost, saved]}>
      {rows.map((one) => (
        <tr key={`${one.when} ${one.engine}`}>
          <th scope="row">{one.when}</th>
          <td>{one.engine}</td>
          <td>{one.cutouts}</td>
          <td>{one.credits}</td>
          <td>{dollars(one.cost_usd)}</td>
          <td>{dollars(one.saved_usd)}</td>
        </tr>
      ))}
    </Table>
  )
}
