/**
 * The sites of one configuration in the gateway: compiled once, with the cache of their files and who is logged in. HUP makes a new one. Runs in the gateway.
 *
 * Not here: a request's way through them (`routing/sites/phases.ts`).
 */
import { Hasher } from '../../access/hashes/hasher.ts'
import { Logins } from '../../access/logins.ts'
import type { OpenFiles } from '../../base/open-files.ts'
import type { Encoders } from '../../compression/encoders.ts'
import type { KeptCodings } from '../../handlers/static/kept-codings.ts'
import { LocationFiles } from '../../handlers/static/locations.ts'
import type { Exchange, Handler } from '../../http/exchange.ts'
import { type CompiledSites, compileSites, type SiteEffects } from '../../routing/sites/compile.ts'
import { Phases } from '../../routing/sites/phases.ts'
import type { SitesModel } from '../../sites/model.ts'
import { siteCompression } from './compression.ts'
import { siteContent } from './content.ts'
import { policies } from './policies.ts'

export interface SiteParts {
  readonly openFiles: OpenFiles
  readonly encoders: Encoders
  readonly kept: KeptCodings
  readonly effects: SiteEffects
}

export class Sites {
  readonly #compiled: CompiledSites
  readonly #files: LocationFiles
  readonly #policyOf = policies()
  readonly #compress: ReturnType<typeof siteCompression>
  readonly #logins: Logins
  readonly #refuse: (exchange: Exchange, error: Error) => void
  readonly #strayFile: (app: string) => void

  /**
   * `refuse`: answers with an error's page. `strayFile`: an application has said X-Sendfile, and may not. Throws if the model is wrong, which
   * the master has looked at.
   */
  constructor(
    model: SitesModel,
    { openFiles, encoders, kept, effects }: SiteParts,
    refuse: (exchange: Exchange, error: Error) => void,
    strayFile: (app: string) => void,
  ) {
    this.#compiled = compileSites(model, effects)
    const [problem] = this.#compiled.problems
    if (problem !== undefined) throw new Error(`${problem.place.file}:${problem.place.line}: ${problem.problem}`)
    this.#files = new LocationFiles(openFiles, refuse, kept)
    this.#compress = siteCompression(model, encoders)
    this.#refuse = refuse
    this.#logins = new Logins(model.passwordFiles, new Hasher())
    this.#strayFile = strayFile
  }

  /** What a request goes to. `applications`: as they are now, by name. */
  handler(applications: ReadonlyMap<string, Handler>): Handler {
    const content = siteContent({
      applications,
      files: this.#files,
      policyOf: this.#policyOf,
      logins: this.#logins,
      refuse: this.#refuse,
      strayFile: this.#strayFile,
      compress: this.#compress,
    })
    return new Phases(this.#compiled.find, content).handle
  }
}
