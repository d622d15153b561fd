/**
 * A new Jumak from its start until it has taken over: when it may, and in which order. Runs in the new master.
 *
 *     each application serves ──▶ the gateway accepts clients ──▶ the old master lets go ──▶ pid file, admin socket, service manager
 *
 * Invariant: until the old one has let go, an end of the new one removes nothing of the old one's.
 * Not here: what crosses between the two (`predecessor.ts`).
 */

import { asErrno } from '../errors.ts'
import type { Fleets } from '../fleet/fleets.ts'
import type { PidFile } from '../host/pid-file.ts'
import type { Narrator } from '../output/narrator.ts'
import { Predecessor, type PredecessorEvents } from './predecessor.ts'

export interface TakeOverOptions {
  readonly narrator: Narrator
  readonly pidFile: PidFile | null
  readonly isStopping: () => boolean
  readonly listenForCommands: () => void
  /** The service manager hears from this process from now on. */
  readonly notify: () => void
}

export class Trial {
  readonly predecessor: Predecessor
  /** It has taken over. */
  isOver = false
  #isAccepting = false

  /** Throws an OperatorError. */
  constructor(handOver: string, events: PredecessorEvents) {
    this.predecessor = new Predecessor(handOver, events)
  }

  /** An application serves, or cannot. False: one that serves in the old program cannot, so the new one has failed. */
  judge(fleets: Fleets): boolean {
    const { predecessor } = this
    if (fleets.present.some(one => one.isSettled && one.serving === null && predecessor.serves(one.name))) return false
    if (fleets.isSettled && !this.#isAccepting) {
      this.#isAccepting = true
      fleets.accept()
    }
    return true
  }

  /** Our gateway accepts clients, and so does the old one until it lets go. */
  async takeOver({ narrator, pidFile, isStopping, listenForCommands, notify }: TakeOverOptions): Promise<void> {
    const { predecessor } = this
    await predecessor.release()
    // Asked to stop meanwhile: the old one has left, so everything ends.
    if (isStopping()) return
    this.isOver = true
    predecessor.sockets.own()
    try {
      pidFile?.place()
    } catch (error) {
      narrator.error(asErrno(error).message)
    }
    listenForCommands()
    narrator.info(`upgrade: process ${process.pid} has taken over from process ${predecessor.pid}`)
    notify()
    predecessor.settled()
  }
}

/** What is wrong with an application, in one sentence: for the old master. */
export function problemOf(fleets: Fleets | null): string {
  const present = fleets?.present ?? []
  const broken = present.find(({ generations }) => generations.problem !== '')
  if (broken === undefined) return 'its log says why'
  return `${present.length > 1 ? `${broken.name}: ` : ''}${broken.generations.problem}`
}
