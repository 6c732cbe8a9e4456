/** Where a batch is looked through and there is nothing to look at: why. */
import type { JSX } from 'react'
import { S } from '../../strings'
import type { Review } from '../review'
import { Progress } from './controls'
import { useStore } from './hooks'
import { Icon } from './icons'

export function ReviewEmpty({ review }: { readonly review: Review }): JSX.Element {
  const why = useStore(review.empty)
  const busy = why === 'opening' || why === 'waiting'
  return (
    <div className="co-waiting">
      <Icon name={why === 'done' ? 'check' : why === 'failed' ? 'alert' : 'image'} />
      {busy && <Progress label={S.review[why]} part={null} />}
      <div role="status"><h1>{S.review[why]}</h1></div>
    </div>
  )
}
