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
import { type CompiledSites, compileSites } from '../../routing/sites/compile.ts'
import { Phases } from '../../routing/sites/phases.ts'
import type { SitesModel } from '../../sites/model.ts'
import { siteCompression } from './compression.ts'
import { siteContent } from './content.ts'
import { policies } from './policies.ts'

export interface SiteParts {
  readonly openFiles: OpenFiles
  readonly encoders: Encoders
  readonly kept: KeptCodings
}

export class Sites {
  readonly #compiled: CompiledSites
  readonly #files: LocationFiles
  readonly #policyOf = policies()
  readonly #compress: ReturnType<typeof siteCompression>
  readonly #logins: Logins
  readonly #refuse: (exchange: Exchange, error: Error) => void

  /** `refuse`: answers with an error's page. Throws if the model is wrong, which the master has looked at. */
  constructor(
    model: SitesModel,
    { openFiles, encoders, kept }: SiteParts,
    refuse: (exchange: Exchange, error: Error) => void,
  ) {
    this.#compiled = compileSites(model)
    const [problem] = this.#compiled.problems
    if (problem !== undefined) throw new Error(`${problem.place.file}:${problem.place.line}: ${problem.problem}`)
    this.#files = new LocationFiles(openFiles, refuse, kept)
    this.#compress = siteCompression(model, encoders)
    this.#refuse = refuse
    this.#logins = new Logins(model.passwordFiles, new Hasher())
  }

  /** What a request goes to. `applications`: as they are now, by name. */
  handler(applications: ReadonlyMap<string, Handler>): Handler {
    const content = siteContent({
      applications,
      files: this.#files,
      policyOf: this.#policyOf,
      logins: this.#logins,
      refuse: this.#refuse,
      compress: this.#compress,
    })
    return new Phases(this.#compiled.find, content).handle
  }
}
