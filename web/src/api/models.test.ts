import { expect, it } from 'vitest'
import { browserManifest, type ManifestDocument } from './models'

const file = (role: string) => ({ role, sha256: `hash of ${role}`, bytes: 7, url: `/models/files/${role}` })
const document: ManifestDocument = {
  name: 'lite',
  revision: '1',
  geometry: { fit: 'pad' },
  tensors: [{ name: 'image_embed', shape: [1, 256, 64, 64] }],
  decoder: { stability: null },
  files: [file('codec_basis'), file('decoder')],
}
const urlOf = (path: string): string => `https://host${path}`

it('takes what decodes and what unpacks', () => {
  const { decoder, codecBasis } = browserManifest(document, urlOf)
  expect(decoder).toEqual({ url: 'https://host/models/files/decoder', sha256: 'hash of decoder', bytes: 7 })
  expect(codecBasis).toEqual({ url: 'https://host/models/files/codec_basis', sha256: 'hash of codec_basis', bytes: 7 })
})

it('needs no basis but a decoder', () => {
  expect(browserManifest({ ...document, files: [file('decoder')] }, urlOf).codecBasis).toBeNull()
  expect(() => browserManifest({ ...document, files: [file('codec_basis')] }, urlOf)).toThrow(/no decoder/)
})
