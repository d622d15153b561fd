/**
 * The connections that one thread has, as the main thread knows them. Made for each thread, also for one that replaces another. Runs in the
 * main thread of the gateway.
 *
 * A descriptor belongs to the main thread until the thread has taken it. So what a dead thread has not taken can be given to another: nothing
 * of it was read. What it has taken ended with it.
 *
 * Invariant: each connection that was handed is either open, or told to `onClosed`, or returned by `died`, exactly once.
 */
import { fstatSync } from 'node:fs'
import { SharedCells, sharedWords } from '../../shared/cells.ts'
import { HandedConnections, handedWords } from '../../shared/handed-connections.ts'
import type { ConnectionMessage } from './hand-over-messages.ts'

/** An event loop that turns takes a connection within some milliseconds, also under load. */
const LATE_MS = 1000

/** A connection on its way to a thread. */
export interface Handed {
  readonly fd: number
  readonly listener: number
  /** As of `Admission`. */
  readonly network: string
  /** Of the socket. The number of a descriptor may mean another one later. */
  readonly inode: number
}

export class ThreadConnections {
  /** For the thread: `Receiver` is made with it. */
  readonly memory: SharedArrayBuffer
  readonly #cells: HandedConnections
  readonly #post: (message: ConnectionMessage) => void
  readonly #onClosed: (network: string) => void
  /** By index; null: the index is free. */
  readonly #networks: (string | null)[] = []
  readonly #free: number[] = []
  /** In the order in which the thread takes them. */
  readonly #untaken: (Handed & { readonly index: number; readonly handedAt: number })[] = []
  /** Number of those that left `#untaken`. */
  #taken = 0

  /** `limit`: of all connections. `onClosed` gets the network of each connection that has closed. */
  constructor(limit: number, post: (message: ConnectionMessage) => void, onClosed: (network: string) => void) {
    this.memory = sharedWords(handedWords(limit))
    this.#cells = new HandedConnections(new SharedCells(this.memory), limit)
    this.#post = post
    this.#onClosed = onClosed
  }

  /** Those that it has, or will take. Right after `settle`. */
  get connections(): number {
    return this.#networks.length - this.#free.length
  }

  /** The share of one core that the thread has used lately, 0 to 1. */
  get busy(): number {
    return this.#cells.busy
  }

  /** It has not taken a connection that it was handed a while ago. Right after `settle`. */
  get isLate(): boolean {
    const [first] = this.#untaken
    return first !== undefined && performance.now() - first.handedAt > LATE_MS
  }

  hand(connection: Handed): void {
    const index = this.#free.pop() ?? this.#networks.length
    this.#networks[index] = connection.network
    this.#untaken.push({ ...connection, index, handedAt: performance.now() })
    this.#post({ type: 'connection', fd: connection.fd, index, listener: connection.listener })
  }

  /** Reads what the thread has done since. */
  settle(): void {
    const taken = this.#cells.taken
    for (; this.#taken !== taken; this.#taken = (this.#taken + 1) | 0) this.#untaken.shift()
    this.#cells.readClosed(index => this.#onClosed(this.take(index)))
  }

  /** The thread has given the connection back. Returns its network. */
  take(index: number): string {
    const network = this.#networks[index]!
    this.#networks[index] = null
    this.#free.push(index)
    return network
  }

  /** The thread has ended, and closed its descriptors. Returns those that it had not taken, and how many connections ended with it. */
  died(): { untaken: Handed[]; cut: number } {
    this.settle()
    const untaken = [...this.#untaken]
    // It may have died before it had made a socket of this one, and its descriptor is open; or after that, and it is closed.
    if (this.#cells.begun !== this.#cells.taken && !isOpen(untaken[0]!)) untaken.shift()
    for (const { index } of untaken) this.take(index)
    let cut = 0
    for (const network of this.#networks) {
      if (network === null) continue
      cut++
      this.#onClosed(network)
    }
    return { untaken, cut }
  }
}

function isOpen({ fd, inode }: Handed): boolean {
  try {
    return fstatSync(fd).ino === inode
  } catch {
    return false
  }
}
