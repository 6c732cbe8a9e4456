/** Which engines this browser can try, best first. */
import type { LocalEngine } from './protocol'

export interface Capabilities {
  readonly webgpu: boolean
  readonly isolated: boolean
  readonly cores: number
}

/** A software adapter creates a session but one decode takes minutes (SwiftShader): it counts as none. */
export async function probe(): Promise<Capabilities> {
  const isolated = globalThis.crossOriginIsolated && typeof SharedArrayBuffer !== 'undefined'
  return { webgpu: await hasGpu(), isolated, cores: navigator.hardwareConcurrency }
}

async function hasGpu(): Promise<boolean> {
  const gpu = (navigator as { gpu?: GPU }).gpu
  try {
    const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' })
    return adapter != null && !adapter.info.isFallbackAdapter && !/swiftshader|llvmpipe/i.test(adapter.info.description)
  } catch {
    return false // a blocked or crashed GPU process rejects; that is "no GPU" too
  }
}

export interface Candidate {
  readonly engine: LocalEngine
  readonly threads: number
}

/** More than 4 threads gain nothing for a decoder of this size, and a phone needs its other cores. */
const MAX_THREADS = 4

export function candidates(has: Capabilities, only?: LocalEngine): readonly Candidate[] {
  const all: Candidate[] = [
    ...(has.webgpu ? [{ engine: 'webgpu', threads: 1 } as const] : []),
    ...(has.isolated && has.cores > 1 ? [{ engine: 'wasm-threads', threads: Math.min(MAX_THREADS, has.cores) } as const] : []),
    { engine: 'wasm', threads: 1 },
  ]
  return only ? all.filter((candidate) => candidate.engine === only) : all
}
