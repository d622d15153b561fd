/**
 * What a thread that starts later must be told: the configuration as it is now, and the changes since the gateway's start. Runs in the main
 * thread of the gateway. (`master/fleet/gateways.ts` does the same for a new gateway.)
 */
import type { GatewayChange, GatewayStart } from '../../control/messages.ts'
import type { ToldMessage } from './messages.ts'

export class ThreadState {
  #start: GatewayStart
  /** The last one. Applications of the start keep their affinity key, those of later changes have another. */
  #apps: Extract<GatewayChange, { readonly type: 'apps' }> | null = null
  /** The last of each, by application. */
  readonly #serve = new Map<string, GatewayChange>()
  readonly #static = new Map<string, GatewayChange>()
  #isStopping = false

  constructor(start: GatewayStart) {
    this.#start = start
  }

  /** For a new thread. Then come `changes`. */
  get start(): GatewayStart {
    return this.#start
  }

  get changes(): readonly GatewayChange[] {
    const stopping: GatewayChange[] = this.#isStopping ? [{ type: 'stopping' }] : []
    return [
      ...(this.#apps === null ? [] : [this.#apps]),
      ...this.#static.values(),
      ...this.#serve.values(),
      ...stopping,
    ]
  }

  changed(change: GatewayChange): void {
    switch (change.type) {
      case 'serve':
        this.#serve.set(change.app, change)
        break
      case 'static':
        this.#static.set(change.app, change)
        break
      case 'error-pages':
        this.#configure({ errorPages: change.pages })
        break
      case 'trusted-proxies':
        this.#configure({ trustedProxies: change.ranges })
        break
      case 'https':
        this.#configure({ https: change.https })
        break
      case 'tls':
        this.#start = { ...this.#start, tls: change.tls }
        break
      case 'apps': {
        this.#apps = change
        const present = new Map(change.apps.map(({ name, pools }) => [name, new Set(pools.map(pool => pool.name))]))
        // What has gone since the start is not even made: the memory of a pool goes with it.
        const apps = this.#start.config.apps
          .filter(({ name }) => present.has(name))
          .map(app => ({ ...app, pools: app.pools.filter(({ name }) => present.get(app.name)!.has(name)) }))
        this.#configure({ apps, sites: change.sites })
        for (const known of [this.#serve, this.#static])
          for (const name of known.keys()) if (!present.has(name)) known.delete(name)
        break
      }
      case 'upstreams': {
        const { upstreams } = change
        const sites = { ...this.#start.config.sites, upstreams }
        this.#configure({ sites })
        if (this.#apps !== null) this.#apps = { ...this.#apps, sites: { ...this.#apps.sites, upstreams } }
        break
      }
      case 'stopping':
        this.#isStopping = true
    }
  }

  told(message: ToldMessage): void {
    if (message.type === 'log-level') this.#configure({ logLevel: message.level })
  }

  #configure(changes: Partial<GatewayStart['config']>): void {
    this.#start = { ...this.#start, config: { ...this.#start.config, ...changes } }
  }
}
