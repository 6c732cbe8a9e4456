// A host page: a button that opens the editor over an image and takes the cutout back.
import { useState, type JSX } from 'react'
import { createRoot } from 'react-dom/client'
import { BackgroundRemovalEditor } from '../src/lib'

function Product(): JSX.Element {
  const [photo, setPhoto] = useState<File | null>(null)
  const [cutout, setCutout] = useState<string | null>(null)
  if (photo) {
    const done = (file: Blob): void => {
      setCutout(URL.createObjectURL(file))
      setPhoto(null)
    }
    const api = { baseUrl: 'https://cutout.example', token: () => Promise.resolve('the signed-in user’s JWT') }
    return <BackgroundRemovalEditor image={photo} api={api} options={{ format: 'webp' }} onComplete={({ file }) => done(file)} onCancel={() => setPhoto(null)} />
  }
  return cutout ? <img src={cutout} alt="Cutout" /> : <input type="file" onChange={(event) => setPhoto(event.target.files?.[0] ?? null)} />
}

createRoot(document.body).render(<Product />)
