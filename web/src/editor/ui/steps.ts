/** A file's step in words and as a part of a bar. */
import { S, faultText } from '../../strings'
import { doubtful, type FileEntry } from '../files'

export function stepText(entry: Pick<FileEntry, 'step' | 'interrupted' | 'prepared' | 'renewing'>): string {
  if (entry.interrupted) return S.steps.interrupted
  if (entry.renewing !== null) return withPart(S.steps.renewing, entry.renewing)
  if (doubtful(entry)) return S.steps.doubtful
  const { step } = entry
  if (step.at === 'queued' && step.starting) return S.steps.starting
  if (step.at === 'queued' && step.position !== null && step.position > 1) return S.steps.queuedAt(step.position - 1)
  if (step.at === 'failed') return faultText(step.error.code, step.error.message)
  return withPart(S.steps[step.at], partOf(entry))
}

const withPart = (words: string, part: number | null): string => (part ? `${words} ${Math.round(part * 100)} %` : words)

/** 0…1, or null when there is no figure. */
export function partOf({ step, renewing }: Pick<FileEntry, 'step' | 'renewing'>): number | null {
  return renewing ?? ('part' in step ? step.part : null)
}

export const busy = ({ step, renewing }: Pick<FileEntry, 'step' | 'renewing'>): boolean =>
  renewing !== null || ['uploading', 'queued', 'encoding', 'applying'].includes(step.at)
