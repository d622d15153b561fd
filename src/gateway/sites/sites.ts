/**
 * The sites of one configuration in the gateway: compiled once, with the cache of their files. HUP makes a new one. Runs in the gateway.
 *
 * Not here: a request's way through them (`routing/sites/phases.ts`).
 */
import { LocationFiles } from '../../handlers/static/locations.ts'
import type { Exchange, Handler } from '../../http/exchange.ts'
import { type CompiledSites, compileSites } from '../../routing/sites/compile.ts'
import { Phases } from '../../routing/sites/phases.ts'
import type { SiteRequest } from '../../routing/sites/site-request.ts'
import type { SitesModel } from '../../sites/model.ts'
import type { SharedParts } from '../shared-parts.ts'
import { siteCompression } from './compression.ts'
import { siteContent } from './content.ts'
import { policies } from './policies.ts'
import type { Proxied } from './proxied.ts'

export class Sites {
  readonly #compiled: CompiledSites
  readonly #files: LocationFiles
  readonly #policyOf = policies()
  readonly #compress: ReturnType<typeof siteCompression>
  readonly #refuse: (exchange: Exchange, error: Error) => void
  /** Null: no location has `proxy`. */
  #proxied: Proxied | Promise<Proxied> | null = null
  #isClosed = false

  /** `refuse`: answers with an error's page. Throws if the model is wrong, which the master has looked at. */
  constructor(model: SitesModel, parts: SharedParts, refuse: (exchange: Exchange, error: Error) => void) {
    const { space, encoders, kept } = parts
    this.#compiled = compileSites(model)
    const [problem] = this.#compiled.problems
    if (problem !== undefined) throw new Error(`${problem.place.file}:${problem.place.line}: ${problem.problem}`)
    this.#files = new LocationFiles(space.files, refuse, kept)
    this.#compress = siteCompression(model, encoders)
    this.#refuse = refuse
    if (model.upstreams.length > 0) this.#loadProxy(model, parts)
  }

  /** Only here: a site without `proxy` loads nothing of it. Until it is there, which takes milliseconds, requests wait for it. */
  #loadProxy({ upstreams }: SitesModel, parts: SharedParts): void {
    const loading = import('./proxied.ts').then(module => {
      const proxied = new module.Proxied(upstreams, this.#compiled.hashKeys, parts, this.#refuse)
      this.#proxied = proxied
      if (this.#isClosed) proxied.close()
      return proxied
    })
    this.#proxied = loading
  }

  /** The gateway drains. */
  drain(): void {
    if (this.#proxied !== null && 'handle' in this.#proxied) this.#proxied.drain()
  }

  /** Other sites are in force. Requests that run go on. */
  close(): void {
    this.#isClosed = true
    if (this.#proxied !== null && 'handle' in this.#proxied) this.#proxied.close()
  }

  /** What a request goes to. `applications`: as they are now, by name. */
  handler(applications: ReadonlyMap<string, Handler>): Handler {
    const content = siteContent({
      applications,
      files: this.#files,
      policyOf: this.#policyOf,
      proxied: this.#proxied === null ? null : this.#proxy,
      refuse: this.#refuse,
      compress: this.#compress,
    })
    return new Phases(this.#compiled.find, content).handle
  }

  readonly #proxy = (request: SiteRequest): void | Promise<void> => {
    const proxied = this.#proxied!
    if ('handle' in proxied) proxied.handle(request)
    else return proxied.then(one => one.handle(request))
  }
}
