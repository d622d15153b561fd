/**
 * What the gateway must know of one application besides its workers: which generation serves, its static files, and with `--reload` the
 * state of its code. Part of the fleet; runs in the master.
 *
 * Invariant: an application that was removed says nothing, because another one may have its name by now.
 */
import type { AppConfig } from '../../config/types.ts'
import type { LoadedApplication, MasterToGateway } from '../../control/messages.ts'
import type { Development } from '../development/development.ts'
import { foundMounts } from './static-mounts.ts'

export interface ApplicationStateOptions {
  /** In force now. */
  readonly app: () => AppConfig
  /** The gateway is another user than the application. */
  readonly isApart: boolean
  readonly generations: {
    readonly serving: number | null
    readonly next: number | null
    get(number: number | null): { readonly application: LoadedApplication | null } | undefined
  }
  /** With `--reload`. */
  readonly development: Pick<Development, 'gatewayStarted'> | null
  readonly sendToGateway: (message: MasterToGateway) => void
}

export class ApplicationState {
  readonly #options: ApplicationStateOptions
  #isRetired = false

  constructor(options: ApplicationStateOptions) {
    this.#options = options
  }

  /** Nothing is told any more. */
  retire(): void {
    this.#isRetired = true
  }

  /** All of it, to a new gateway, or to one that has made the application anew. */
  tell(): void {
    const { generations, development } = this.#options
    if (generations.serving !== null) this.tellServing(generations.serving)
    development?.gatewayStarted()
    this.tellStatic()
  }

  tellServing(generation: number): void {
    this.#send({ type: 'serve', app: this.#options.app().name, generation })
  }

  /** The directories of static files that the generations' settings name. Also when nothing has changed: that costs little. */
  tellStatic(): void {
    const { app, isApart, generations } = this.#options
    const { next, serving } = generations
    const applications = [next, serving].map(number => generations.get(number)?.application ?? null)
    this.#send({ type: 'static', app: app().name, mounts: foundMounts(applications, app(), isApart) })
  }

  #send(message: MasterToGateway): void {
    if (!this.#isRetired) this.#options.sendToGateway(message)
  }
}
