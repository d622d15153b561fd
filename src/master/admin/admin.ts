/**
 * The admin socket of this program, from its place to its end: puts the parts of this folder together. Runs in the master.
 *
 * Invariants: a program without an admin socket serves all the same, and its log says why it has none; only a path that the operator named
 * and that cannot be used ends the start. The socket is the last thing that closes, so that a client of `stop` knows that all is over.
 */
import type { AdminSocket, Identity } from '../../config/types.ts'
import type { MasterToGateway, Reported } from '../../control/messages.ts'
import type { Settled } from '../fleet/generations.ts'
import { type AdminPath, findAdminPath } from '../host/admin-path.ts'
import type { Narrator } from '../output/narrator.ts'
import { answerCommands } from './commands.ts'
import { Reloads } from './reloads.ts'
import { Reports } from './reports.ts'
import { type AdminServer, listenForCommands } from './server.ts'
import { Target, type TargetOptions } from './target.ts'

export interface AdminOptions {
  readonly narrator: Narrator
  /** To the present gateway; it may be gone. */
  readonly sendToGateway: (message: MasterToGateway) => void
  readonly onBug: (error: unknown) => void
}

export class Admin {
  readonly #options: AdminOptions
  readonly #reports: Reports
  readonly #reloads = new Reloads()
  #place: AdminPath | null = null
  #server: AdminServer | null = null

  constructor(options: AdminOptions) {
    this.#options = options
    this.#reports = new Reports(options.sendToGateway)
  }

  /**
   * Finds a place, before anything is started. `predecessor`: that of the Jumak that we replace, where `listen` takes it over. Throws an
   * OperatorError when a path that the operator named cannot be used.
   */
  async prepare(socket: AdminSocket, users: readonly Identity[], predecessor: string | null): Promise<void> {
    if (socket.paths.length === 0) return
    const found = await findAdminPath(socket, users, predecessor)
    if ('place' in found) this.#place = found
    else this.#options.narrator.noAdminSocket(found.problem, found.isTaken)
  }

  /** From now on questions are answered. */
  listen(options: Omit<TargetOptions, 'narrator' | 'reports' | 'reloads'>): void {
    if (this.#place === null) return
    const { narrator, onBug } = this.#options
    const target = new Target({ ...options, narrator, reports: this.#reports, reloads: this.#reloads })
    try {
      this.#server = listenForCommands(this.#place, answerCommands(target, onBug))
    } catch (error) {
      narrator.noAdminSocket((error as Error).message, false)
    }
  }

  /** Where it listens; null: nowhere. */
  get path(): string | null {
    return this.#server?.path ?? null
  }

  reported(report: Reported): void {
    this.#reports.answered(report)
  }

  settled(app: string, settled: Settled): void {
    this.#reloads.settled({ app, ...settled })
  }

  close(): void {
    this.#server?.close()
  }
}
