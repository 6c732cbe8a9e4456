import { LegacyPage } from './page'
import './page.css'

const root = document.getElementById('legacy')
if (!root) throw new Error('the page has no #legacy')
const page = new LegacyPage(root)
const imageId = new URLSearchParams(location.search).get('image')
if (imageId === null) page.choose()
else page.confirm(imageId)
