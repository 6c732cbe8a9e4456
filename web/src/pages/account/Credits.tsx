/** What is left to spend. */
import type { JSX } from 'react'
import { P } from '../strings'
import type { Account } from './api'
import { Card } from './parts'

export function Credits({ account: { credits, plan, prices } }: { readonly account: Account }): JSX.Element {
  return (
    <Card title={P.credits.title} actions={<a className="co-button" href="/api/account/statement.csv" download>{P.credits.statement}</a>}>
      <p className="co-figure">
        <strong>{plan === 'unmetered' ? P.credits.unmetered : credits.available}</strong>
        {plan === 'prepaid' && <span>{P.credits.available}</span>}
      </p>
      <dl className="co-facts">
        <div><dt>{P.credits.granted}</dt><dd>{credits.granted}</dd></div>
        <div><dt>{P.credits.spent}</dt><dd>{credits.spent}</dd></div>
        <div><dt>{P.credits.held}</dt><dd>{credits.held}</dd></div>
      </dl>
      <p className="co-note">{P.credits.prices(prices.sam2)}</p>
    </Card>
  )
}
