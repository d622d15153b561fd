/**
 * Who waits for a reload, and what becomes of it. Runs in the master. A reload that is asked for during another one begins after that, so
 * what counts is the first generation that is newer than all that had begun when it was asked for.
 *
 * Invariant: each wait ends: a generation serves, is given up, or its application is removed. The end of the program closes the connection.
 */
import type { Settled } from '../fleet/generations.ts'

/** What became of a generation, and of which application. */
export interface SettledApp extends Settled {
  readonly app: string
}

interface Waiter {
  readonly app: string
  readonly after: number
  readonly resolve: (settled: SettledApp) => void
}

export class Reloads {
  #waiters: Waiter[] = []

  /** Resolves with the first generation of the application that settles and is newer than `after`. */
  wait(app: string, after: number): Promise<SettledApp> {
    return new Promise(resolve => this.#waiters.push({ app, after, resolve }))
  }

  settled(settled: SettledApp): void {
    const { app, generation } = settled
    const isOver = (waiter: Waiter) => waiter.app === app && generation > waiter.after
    const over = this.#waiters.filter(isOver)
    this.#waiters = this.#waiters.filter(waiter => !isOver(waiter))
    for (const { resolve } of over) resolve(settled)
  }
}

/** For people. `isNamed`: there are several applications. */
export function settledWords({ app, generation, failure, serving }: SettledApp, isNamed: boolean): string {
  const whose = isNamed ? `${app}: ` : ''
  if (failure === null) return `${whose}generation ${generation} serves`
  const rest = serving === null ? '' : `\n${whose}generation ${serving} serves on`
  return `${whose}${failure}${rest}`
}
