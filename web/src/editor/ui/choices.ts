/** What options can be set to, in words: the inspector and the account's defaults offer the same. */
import type { CutoutOptions, Format, Matting } from '../../api/options'
import { S } from '../../strings'

type Choices<T extends string> = readonly (readonly [T, string])[]

export const FORMATS: Choices<Format> = [['png', 'PNG'], ['webp', 'WebP'], ['jpg', 'JPEG'], ['zip', 'ZIP']]

export const MATTINGS: Choices<Matting> = [['auto', S.edge.mattingAuto], ['hair', S.edge.mattingHair], ['off', S.edge.mattingOff]]

const DPIS = ['72', '150', '300', '600', 'keep']

/** The usual ones, and what is set. */
export function dpiChoices(set: CutoutOptions['dpi']): Choices<string> {
  const dpis = DPIS.includes(String(set)) ? DPIS : [...DPIS, String(set)]
  return dpis.map((dpi) => [dpi, dpi === 'keep' ? S.output.dpiKeep : dpi])
}

export const dpiOf = (chosen: string): CutoutOptions['dpi'] => (chosen === 'keep' ? 'keep' : Number(chosen))
