/**
 * Accepts the connections of all threads and hands them over. Runs in the main thread of the gateway, which serves nobody.
 *
 * A thread gets a descriptor of its own (`dup`), and this thread closes its handle, which says nothing to the client. Unix sockets cannot be
 * transferred to another thread otherwise, and for TCP it is cheaper. A thread that ends closes its own descriptors only. Nothing of a
 * connection is read here, so the thread finds all that the client has sent, its FIN or reset too.
 *
 * Invariants: the limits on connections hold over all threads; each accepted connection is refused, handed to one thread, or waits until one
 * can take it. What waits is within `limits.connections`.
 * Not here: which thread (`balance.ts`), who is let in (`connections/admission.ts`).
 */
import { closeSync, fstatSync } from 'node:fs'
import type { Server, Socket } from 'node:net'
import { MemoryBudget } from '../../base/memory-budget.ts'
import type { InheritedListener } from '../../control/messages.ts'
import type { Admission } from '../connections/admission.ts'
import { acceptOn, addressOf, descriptorOf, transportOf } from '../transports/plain.ts'
import { balance, choose, type Load } from './balance.ts'
import type { DescriptorCalls } from './descriptor-calls.ts'
import type { ConnectionMessage, GiveMessage, GivenMessage } from './hand-over-messages.ts'
import { type Handed, ThreadConnections } from './thread-connections.ts'

/** How often the threads' loads are compared. A shorter time is mostly noise. */
const BALANCE_MS = 1000

export interface AcceptorOptions {
  readonly admission: Admission
  /** `limits.connections`. */
  readonly limit: number
  readonly calls: Pick<DescriptorCalls, 'dup'>
}

/** What the acceptor needs of a thread. */
export interface AcceptingThread {
  post(message: ConnectionMessage | GiveMessage): void
}

interface Member extends Load {
  readonly index: number
  readonly thread: AcceptingThread
  readonly held: ThreadConnections
  connections: number
  busy: number
  isLate: boolean
}

export class Acceptor {
  readonly #options: AcceptorOptions
  /** Of the refused. They are few, and what they get is short. */
  readonly #memory = new MemoryBudget()
  /** By index of the thread. */
  readonly #threads = new Map<number, { thread: AcceptingThread; held: ThreadConnections }>()
  /** Threads that can take connections. */
  #members: Member[] = []
  /** No thread can take them yet. */
  #waiting: Handed[] = []
  /** Nobody waits any more. */
  #isClosed = false
  /** The threads' loads are not yet those after the last move. */
  #hasMoved = false

  constructor(options: AcceptorOptions, balanceMs: number = BALANCE_MS) {
    this.#options = options
    setInterval(() => this.#balance(), balanceMs).unref()
  }

  /** Before a thread starts. Returns the memory for its `Receiver`. It gets nothing before `up`. */
  add(index: number, thread: AcceptingThread): SharedArrayBuffer {
    const { admission, limit } = this.#options
    const held = new ThreadConnections(
      limit,
      message => thread.post(message),
      network => admission.leave(network),
    )
    this.#threads.set(index, { thread, held })
    return held.memory
  }

  /** The thread can take connections. */
  up(index: number): void {
    const { thread, held } = this.#threads.get(index)!
    this.#members.push({ index, thread, held, connections: 0, busy: 0, isLate: false })
    const waiting = this.#waiting
    this.#waiting = []
    for (const connection of waiting) this.#place(connection)
  }

  /** The thread has ended. Returns how many connections ended with it. Those that it has not taken go to others. */
  died(index: number): number {
    const known = this.#threads.get(index)
    if (known === undefined) return 0
    this.#threads.delete(index)
    this.#members = this.#members.filter(member => member.index !== index)
    const { untaken, cut } = known.held.died()
    for (const connection of untaken) this.#place(connection)
    return cut
  }

  /** To be given to `Listening`. `listener`: its index, which a thread finds in the message `start` too. */
  listen(
    { fd, unixPath, scheme }: InheritedListener,
    listener: number,
    onListening: () => void,
    onError: (error: Error) => void,
  ): Server {
    return acceptOn(
      fd,
      accepted => this.#accept(accepted, { unixPath, scheme }, listener, onError),
      onListening,
      onError,
    )
  }

  /** All listening sockets are closed, and no thread will start. Connections that wait for one are closed. */
  close(): void {
    this.#isClosed = true
    for (const connection of this.#waiting) this.#drop(connection)
    this.#waiting = []
  }

  #drop({ fd, network }: Handed): void {
    closeSync(fd)
    this.#options.admission.leave(network)
  }

  /** Open connections of each thread that can take some. */
  get connections(): ReadonlyMap<number, number> {
    this.#settle()
    return new Map(this.#members.map(({ index, connections }) => [index, connections]))
  }

  #accept(
    accepted: Socket,
    { unixPath, scheme }: Pick<InheritedListener, 'unixPath' | 'scheme'>,
    listener: number,
    onError: (error: Error) => void,
  ): void {
    const { admission, calls } = this.#options
    this.#settle()
    const network = admission.admit(addressOf(accepted))
    if (network === null) {
      const transport = transportOf(accepted, unixPath, this.#memory)
      admission.refuse(scheme, transport)
      transport.start()
      return
    }
    const fd = calls.dup(descriptorOf(accepted))
    accepted.destroy()
    if (fd >= 0) {
      this.#place({ fd, listener, network, inode: fstatSync(fd).ino })
      return
    }
    admission.leave(network)
    onError(new Error('accept EMFILE: too many open files: a connection was closed'))
  }

  #settle(): void {
    for (const member of this.#members) {
      member.held.settle()
      member.connections = member.held.connections
      member.busy = member.held.busy
      member.isLate = member.held.isLate
    }
  }

  #place(connection: Handed): void {
    if (this.#members.length === 0 && this.#isClosed) this.#drop(connection)
    else if (this.#members.length === 0) this.#waiting.push(connection)
    else this.#hand(this.#members[choose(this.#members)]!, connection)
  }

  #hand(member: Member, connection: Handed): void {
    member.held.hand(connection)
    member.connections++
  }

  /** A thread has given a connection away. `from`: its index. */
  given(from: number, { fd, index, listener, to }: GivenMessage): void {
    // All that a thread says comes before its end (`thread-handle.ts`).
    const { held } = this.#threads.get(from)!
    const connection = { fd, listener, network: held.take(index), inode: fstatSync(fd).ino }
    const member = this.#members.find(one => one.index === to)
    if (member === undefined) this.#place(connection)
    else this.#hand(member, connection)
  }

  #balance(): void {
    this.#settle()
    const hasMoved = this.#hasMoved
    this.#hasMoved = false
    if (hasMoved || this.#members.length < 2) return
    const move = balance(this.#members)
    if (move === null) return
    this.#hasMoved = true
    const { thread } = this.#members[move.from]!
    thread.post({ type: 'give', share: move.share, to: this.#members[move.to]!.index })
  }
}
