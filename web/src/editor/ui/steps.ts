/** A file's step in words and as a part of a bar. */
import { S, faultText } from '../../strings'
import { doubtful, type FileEntry, type Step } from '../files'

export function stepText(entry: Pick<FileEntry, 'step' | 'interrupted' | 'prepared'>): string {
  if (entry.interrupted) return S.steps.interrupted
  if (doubtful(entry)) return S.steps.doubtful
  const { step } = entry
  if (step.at === 'queued' && step.starting) return S.steps.starting
  if (step.at === 'queued' && step.position !== null && step.position > 1) return S.steps.queuedAt(step.position - 1)
  if (step.at === 'failed') return faultText(step.error.code, step.error.message)
  const words = S.steps[step.at]
  const part = partOf(step)
  return part === null || part === 0 ? words : `${words} ${Math.round(part * 100)} %`
}

/** 0…1, or null when there is no figure. */
export function partOf(step: Step): number | null {
  return 'part' in step ? step.part : null
}

export const busy = (step: Step): boolean => ['uploading', 'queued', 'encoding', 'applying'].includes(step.at)
