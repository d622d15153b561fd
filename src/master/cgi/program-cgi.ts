/** CGI programs of the whole program: nothing is loaded before the configuration has some, at the start or after a reload. Runs in the master. */
import { loadNow } from '../../base/load-now.ts'
import type { Config } from '../../config/types.ts'
import type { Upstream } from '../../sites/upstream-model.ts'
import { OperatorError } from '../errors.ts'
import type { CgiSpawner, CgiSpawnerOptions } from './spawner.ts'

export class ProgramCgi {
  readonly #options: Omit<CgiSpawnerOptions, 'config' | 'runtime'>
  #runtime: CgiSpawnerOptions['runtime'] | null = null
  /** Null: there are no programs. */
  #spawner: CgiSpawner | null = null

  constructor(options: Omit<CgiSpawnerOptions, 'config' | 'runtime'>) {
    this.#options = options
  }

  /** Throws an OperatorError. Before the gateway is started, so that the spawner has read the table first. */
  async start(config: Config, runtime: CgiSpawnerOptions['runtime']): Promise<void> {
    this.#runtime = runtime
    await this.#begin(config, runtime)
  }

  /** Before the gateway hears of it. Programs that come first with a reload and cannot be run are told in the log: their requests are refused. */
  configure(config: Config): void {
    if (this.#spawner !== null) this.#spawner.configure(config)
    else if (this.#runtime !== null) this.#begin(config, this.#runtime).catch(error => this.#tell(error))
  }

  /** The upstream of CGI programs has the spawner's socket. */
  locate(upstreams: readonly Upstream[]): readonly Upstream[] {
    return this.#spawner?.locate(upstreams) ?? upstreams
  }

  async close(): Promise<void> {
    await this.#spawner?.close()
  }

  async #begin(config: Config, runtime: CgiSpawnerOptions['runtime']): Promise<void> {
    if (config.sites.cgiPrograms.length === 0) return
    // Within the call: at a reload the gateway is told of its socket next.
    const { CgiSpawner } = loadNow<typeof import('./spawner.ts')>(import.meta, './spawner')
    this.#spawner = new CgiSpawner({ ...this.#options, config, runtime })
    await this.#spawner.start()
  }

  #tell(error: unknown): void {
    if (!(error instanceof OperatorError)) throw error
    this.#options.narrator.error(error.message)
  }
}
