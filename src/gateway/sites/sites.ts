/**
 * The sites of one configuration in the gateway: compiled once, with the cache of their files. HUP makes a new one. Runs in the gateway.
 *
 * Not here: a request's way through them (`routing/sites/phases.ts`).
 */
import type { OpenFiles } from '../../base/open-files.ts'
import { LocationFiles } from '../../handlers/static/locations.ts'
import type { Exchange, Handler } from '../../http/exchange.ts'
import { type CompiledSites, compileSites, type SiteEffects } from '../../routing/sites/compile.ts'
import { Phases } from '../../routing/sites/phases.ts'
import type { SitesModel } from '../../sites/model.ts'
import { siteContent } from './content.ts'
import { policies } from './policies.ts'

export class Sites {
  readonly #compiled: CompiledSites
  readonly #files: LocationFiles
  readonly #policyOf = policies()
  readonly #refuse: (exchange: Exchange, error: Error) => void

  /** `refuse`: answers with an error's page. Throws if the model is wrong, which the master has looked at. */
  constructor(
    model: SitesModel,
    openFiles: OpenFiles,
    effects: SiteEffects,
    refuse: (exchange: Exchange, error: Error) => void,
  ) {
    this.#compiled = compileSites(model, effects)
    const [problem] = this.#compiled.problems
    if (problem !== undefined) throw new Error(`${problem.place.file}:${problem.place.line}: ${problem.problem}`)
    this.#files = new LocationFiles(openFiles, refuse)
    this.#refuse = refuse
  }

  /** What a request goes to. `applications`: as they are now, by name. */
  handler(applications: ReadonlyMap<string, Handler>): Handler {
    const content = siteContent({
      applications,
      files: this.#files,
      policyOf: this.#policyOf,
      refuse: this.#refuse,
    })
    return new Phases(this.#compiled.find, content).handle
  }
}
