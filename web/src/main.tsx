import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import './page.css'
import { ACCOUNT, enter, signInUrl } from './auth/enter'
import { BackgroundRemovalEditor } from './editor/ui/BackgroundRemovalEditor'
import { followFlag } from './legacy/route'

const account = {
  url: ACCOUNT,
  signInUrl: signInUrl(),
  enter: async () => {
    const session = await enter()
    return (onEnd: () => void) => session?.watch(onEnd) ?? ((): void => undefined)
  },
}

const batchId = new URLSearchParams(location.search).get('batch')

const root = document.getElementById('root')
if (!root) throw new Error('the page has no #root')
// who is not signed in yet is asked to by the editor
void followFlag({ baseUrl: '', token: null }).catch(() => undefined)
createRoot(root).render(
  <StrictMode>
    <BackgroundRemovalEditor account={account} {...(batchId === null ? {} : { batchId })} />
  </StrictMode>,
)
