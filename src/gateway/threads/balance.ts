/**
 * Which thread gets a connection, and which one gives some of its connections away because it is busier than the others. Pure. Runs in the
 * main thread of the gateway.
 *
 * Nothing is known of the work of a new connection. So it goes to the thread with the fewest; among those that have nearly as few, to the
 * one that was the least busy. Connections that live long may still be unequal: then the busiest thread gives away, between two
 * requests, as much work as makes it equal to the idlest.
 */

export interface Load {
  /** It has left a connection for a second: its event loop does not turn, and other threads get what comes. */
  readonly isLate: boolean
  readonly connections: number
  /** The share of one core that it has used lately, 0 to 1. */
  readonly busy: number
}

/** So much more than the fewest connections is nearly as few. */
const NEARLY = 1 / 8
/** A thread that is less busy makes nobody wait. */
const LEAST_BUSY = 0.1
/** The mean of all threads, times this, is what the busiest may have. Less would move connections to and fro for noise. */
const TOLERANCE = 1.1

/** Returns the index of the thread that gets a connection. There is at least one. */
export function choose(loads: readonly Load[]): number {
  const areAllLate = loads.every(({ isLate }) => isLate)
  let fewest = Number.POSITIVE_INFINITY
  for (const { connections, isLate } of loads) if (!isLate || areAllLate) fewest = Math.min(fewest, connections)
  const most = Math.floor(fewest * (1 + NEARLY))
  let best = -1
  for (const [i, load] of loads.entries())
    if ((!load.isLate || areAllLate) && load.connections <= most && (best === -1 || isBetter(load, loads[best]!)))
      best = i
  return best
}

function isBetter(one: Load, other: Load): boolean {
  return one.busy === other.busy ? one.connections < other.connections : one.busy < other.busy
}

export interface Move {
  readonly from: number
  readonly to: number
  /** Of the work of `from`, 0 to 1. */
  readonly share: number
}

/** Null: the threads are equal enough, or one of them takes nothing. */
export function balance(loads: readonly Load[]): Move | null {
  if (loads.some(({ isLate }) => isLate)) return null
  let [from, to, sum] = [0, 0, 0]
  for (const [i, { busy }] of loads.entries()) {
    sum += busy
    if (busy > loads[from]!.busy) from = i
    if (busy < loads[to]!.busy) to = i
  }
  const mean = sum / loads.length
  const most = loads[from]!.busy
  if (most < LEAST_BUSY || most < mean * TOLERANCE || loads[from]!.connections < 2) return null
  return { from, to, share: (most - loads[to]!.busy) / 2 / most }
}

/**
 * Of the connections of a thread, those that have about `share` of its work: returns their positions in `work`. At most `most`: each costs
 * about as much as a new connection.
 */
export function connectionsWith(share: number, work: readonly number[], most: number): number[] {
  let left = share * work.reduce((sum, one) => sum + one, 0)
  const chosen: number[] = []
  const busiestFirst = [...work.keys()].sort((one, other) => work[other]! - work[one]!)
  for (const i of busiestFirst) {
    if (chosen.length === most || work[i] === 0) break
    if (work[i]! > left) continue
    left -= work[i]!
    chosen.push(i)
  }
  return chosen
}
