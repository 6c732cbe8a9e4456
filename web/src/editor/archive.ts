import type { CutoutApi } from '../api/client'
import { resultName, uniqueNames, type FileEntry } from './files'
import { zip } from './zip'

/** Every finished cutout in one file, under the names the files came with. */
export async function archive(api: CutoutApi, entries: readonly FileEntry[]): Promise<Blob> {
  const done = entries.flatMap(({ name, result }) => (result ? [{ name, result }] : []))
  const names = uniqueNames(done.map(({ name, result }) => resultName(name, result.format, '')))
  const files = done.map(async ({ result }, i) => {
    const blob = await api.file(result.url)
    return { name: names[i] ?? '', bytes: new Uint8Array(await blob.arrayBuffer()) }
  })
  return zip(await Promise.all(files))
}
