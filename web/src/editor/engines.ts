/** One inference host per model; each falls back to the server by the same rules. */
import type { CutoutApi } from '../api/client'
import { watched } from '../inference/alive'
import { InferenceHost } from '../inference/host'
import type { WorkerLike } from '../inference/link'
import type { ModelManifest } from '../inference/manifest'
import type { EngineInfo, LocalEngine } from '../inference/protocol'
import { candidates, probe } from '../inference/select'
import { Store } from '../store'
import { remoteDecoder } from './remote'
import type { Preview } from './render/preview'

export interface EngineState {
  readonly model: string
  readonly info: EngineInfo | null
  /** 0…1 of what is being loaded, null when nothing is. */
  readonly loading: { readonly what: string; readonly part: number } | null
}

export class Engines {
  readonly state = new Store<EngineState>({ model: 'auto', info: null, loading: null })
  private readonly hosts = new Map<string, InferenceHost>()
  private readonly manifests = new Map<string, ModelManifest>()

  constructor(
    private readonly api: CutoutApi,
    private readonly preview: Preview,
    private readonly only?: LocalEngine,
  ) {}

  /** The manifest of a model by name; `auto` is the server's choice. */
  async manifest(model: string): Promise<ModelManifest> {
    const known = this.manifests.get(model)
    if (known) return known
    const manifest = await this.api.model(model)
    this.manifests.set(model, manifest).set(manifest.name, manifest)
    return manifest
  }

  /** Runtime and weights of the server's model, before they are needed. */
  async preload(): Promise<void> {
    const { name } = await this.manifest('auto')
    await this.for(name).preload()
  }

  for(model: string): InferenceHost {
    const known = this.hosts.get(model)
    if (known) return known
    const host = new InferenceHost({
      spawn,
      model: () => this.manifest(model),
      candidates: async () => candidates(await probe(), this.only),
      server: remoteDecoder(this.api, this.preview, model),
      onEngine: (info) => this.state.set({ model, info, loading: null }),
    })
    host.onLoading = (what, received, total) => {
      const part = total > 0 ? Math.min(1, received / total) : 0
      this.state.update({ loading: part < 1 ? { what, part } : null })
    }
    this.hosts.set(model, host)
    return host
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.hosts.values()].map((host) => host.dispose()))
    this.hosts.clear()
  }

}

const spawn = (): WorkerLike =>
  watched('inference', (name) => new Worker(new URL('../inference/worker.ts', import.meta.url), { type: 'module', name }))
