/**
 * The sites of one configuration in the gateway: compiled once, with the cache of their files and who is logged in. HUP makes a new one. Runs in the gateway.
 *
 * Not here: a request's way through them (`routing/sites/phases.ts`).
 */
import type { Logins } from '../../access/logins.ts'
import { loadNow } from '../../base/load-now.ts'
import type { ReportedUpstream } from '../../control/messages.ts'
import { LocationFiles } from '../../handlers/static/locations.ts'
import type { Exchange, Handler } from '../../http/exchange.ts'
import { type CompiledSites, compileSites, type SiteEffects } from '../../routing/sites/compile.ts'
import { Phases } from '../../routing/sites/phases.ts'
import type { Location, PasswordFile, SitesModel } from '../../sites/model.ts'
import type { Upstream } from '../../sites/upstream-model.ts'
import type { SharedParts } from '../shared-parts.ts'
import type { TrafficCount } from '../traffic.ts'
import { siteCompression } from './compression.ts'
import { siteContent } from './content.ts'
import { policies } from './policies.ts'
import type { Proxied } from './proxied.ts'

/** Most sites pass nothing on, so it is not loaded before. */
export function loadProxied(): typeof import('./proxied.ts') {
  return loadNow(import.meta, './proxied')
}

export class Sites {
  readonly #compiled: CompiledSites
  readonly #files: LocationFiles
  readonly #policyOf = policies()
  readonly #compress: ReturnType<typeof siteCompression>
  /** Null: no location has `status`. */
  readonly traffic: TrafficCount | null
  /** Null: no location asks for a password. */
  readonly #logins: Logins | null
  readonly #refuse: (exchange: Exchange, error: Error) => void
  readonly #strayFile: (app: string) => void
  /** Null: no location has `proxy`. */
  readonly #proxied: Proxied | null = null

  /**
   * `traffic`: for locations with `status`; null: there are none. `refuse`: answers with an error's page. `strayFile`: an application has said X-Sendfile, and may not. Throws if the model is wrong, which
   * the master has looked at.
   */
  constructor(
    model: SitesModel,
    parts: SharedParts,
    effects: SiteEffects,
    traffic: TrafficCount | null,
    refuse: (exchange: Exchange, error: Error) => void,
    strayFile: (app: string) => void,
  ) {
    const { space, encoders, kept } = parts
    this.#compiled = compileSites(model, effects)
    const [problem] = this.#compiled.problems
    if (problem !== undefined) throw new Error(`${problem.place.file}:${problem.place.line}: ${problem.problem}`)
    this.#files = new LocationFiles(space.files, refuse, kept)
    this.#compress = siteCompression(model, encoders)
    this.#refuse = refuse
    this.traffic = traffic
    this.#logins = model.passwordFiles.length > 0 ? makeLogins(model.passwordFiles) : null
    this.#strayFile = strayFile
    if (model.upstreams.length > 0) this.#proxied = new (loadProxied().Proxied)(model, this.#compiled, parts, refuse)
  }

  /** Their servers have changed. The groups are those of the model. */
  setUpstreams(upstreams: readonly Upstream[]): void {
    this.#proxied?.setUpstreams(upstreams)
  }

  /** What each server of an upstream has to do. */
  reportUpstreams(): ReportedUpstream[] {
    return this.#proxied?.report() ?? []
  }

  /** The gateway drains. */
  drain(): void {
    this.#proxied?.drain()
  }

  /** Other sites are in force. Requests that run go on. */
  close(): void {
    this.#proxied?.close()
  }

  /** What a request goes to. `applications`: as they are now, by name. */
  handler(applications: ReadonlyMap<string, Handler>): Handler {
    const content = siteContent({
      applications,
      files: this.#files,
      policyOf: this.#policyOf,
      proxied: this.#proxied,
      logins: this.#logins,
      refuse: this.#refuse,
      strayFile: this.#strayFile,
      status: this.traffic === null ? null : statusOf(this.traffic),
      compress: this.#compress,
    })
    return new Phases(this.#compiled.find, content).handle
  }
}

/** Whether a location has `status`. */
export function showsTraffic({ sites }: SitesModel): boolean {
  const shows = ({ handler, locations }: Location): boolean => handler.kind === 'status' || locations.some(shows)
  return sites.some(({ root, locations }) => shows(root) || locations.some(shows))
}

function statusOf(traffic: TrafficCount): (form: 'text' | 'json') => string {
  const { statusText, statusJson }: typeof import('./status.ts') = loadNow(import.meta, './status')
  return form => (form === 'json' ? statusJson(traffic.all) : statusText(traffic.all))
}

/** Loads what checks passwords: most sites ask for none. */
function makeLogins(files: readonly PasswordFile[]): Logins {
  const { Logins }: typeof import('../../access/logins.ts') = loadNow(import.meta, '../../access/logins')
  const { Hasher }: typeof import('../../access/hashes/hasher.ts') = loadNow(import.meta, '../../access/hashes/hasher')
  return new Logins(files, new Hasher())
}
