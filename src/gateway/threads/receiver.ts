/**
 * Takes the connections that the main thread hands to this thread, and gives some away when this thread is too busy. Runs in each thread of
 * the gateway. `acceptor.ts` is the other side.
 *
 * Invariant: the main thread hears of each connection's end exactly once: `closed`, or the message `given`.
 */
import { closeSync } from 'node:fs'
import type { MemoryBudget } from '../../base/memory-budget.ts'
import type { InheritedListener } from '../../control/messages.ts'
import type { ProtocolConnection } from '../../http/protocol.ts'
import { SharedCells } from '../../shared/cells.ts'
import { TakenConnections } from '../../shared/handed-connections.ts'
import type { Connections } from '../connections/connections.ts'
import { SocketTransport } from '../transports/plain.ts'
import { connectionsWith } from './balance.ts'
import type { DescriptorCalls } from './descriptor-calls.ts'
import type { ConnectionMessage, GiveMessage, GivenMessage } from './hand-over-messages.ts'

/** So many are given away at once: some milliseconds of work. Others follow a second later. */
const MOST_GIVEN = 32

/** How often it says how busy it is: over all of this time. */
const BUSY_MS = 500

export interface ReceiverOptions {
  readonly connections: Pick<Connections, 'open'>
  /** What clients' bytes are counted in. */
  readonly memory: MemoryBudget
  readonly listeners: readonly Pick<InheritedListener, 'unixPath' | 'scheme' | 'hasProxyHeader'>[]
  /** Of `Acceptor.add`. */
  readonly cells: SharedArrayBuffer
  /** `limits.connections`. */
  readonly limit: number
  readonly calls: DescriptorCalls
  readonly post: (message: GivenMessage) => void
}

interface Held {
  readonly index: number
  readonly listener: number
  readonly transport: SocketTransport
  connection: ProtocolConnection | null
  /** Of this connection, when they were last compared. */
  bytesBefore: number
  /** It leaves when its exchange has ended. A long one is asked once. */
  isAsked: boolean
  /** It has left. */
  isGiven: boolean
}

export class Receiver {
  readonly #options: ReceiverOptions
  readonly #cells: TakenConnections
  readonly #held = new Set<Held>()
  #cpuMs = cpuMs()
  #saidAt = performance.now()

  constructor(options: ReceiverOptions) {
    this.#options = options
    this.#cells = new TakenConnections(new SharedCells(options.cells), options.limit)
    setInterval(() => this.#sayHowBusy(), BUSY_MS).unref()
  }

  /** Time on a core, not by the clock: a thread that waits for a core is not busier than the one that has it. */
  #sayHowBusy(): void {
    const cpu = cpuMs()
    const now = performance.now()
    this.#cells.setBusy(Math.min(1, (cpu - this.#cpuMs) / (now - this.#saidAt)))
    this.#cpuMs = cpu
    this.#saidAt = now
  }

  take({ fd, index, listener }: ConnectionMessage): void {
    const { connections, listeners } = this.#options
    this.#cells.begin()
    const transport = this.#transport(fd, listener)
    this.#cells.taken()
    if (transport === null) {
      this.#cells.closed(index)
      return
    }
    const held: Held = { index, listener, transport, connection: null, bytesBefore: 0, isAsked: false, isGiven: false }
    this.#held.add(held)
    held.connection = connections.open(listeners[listener]!, transport, () => {
      this.#held.delete(held)
      if (!held.isGiven) this.#cells.closed(index)
    })
    transport.start()
  }

  /** Null: the system could not make a socket of it, or its client has gone. It is closed. */
  #transport(fd: number, listener: number): SocketTransport | null {
    const { listeners, memory, calls } = this.#options
    let transport: SocketTransport
    try {
      transport = new SocketTransport(fd, listeners[listener]!.unixPath, true, memory, calls.setReset)
    } catch {
      closeSync(fd)
      return null
    }
    if (!transport.isGone) return transport
    transport.destroy()
    return null
  }

  /** Each leaves when the request that runs on it is over, unless the next one is here already. */
  give({ share, to }: GiveMessage): void {
    const held = [...this.#held]
    const work = held.map(one => {
      const bytes = one.transport.receivedBytes
      const since = bytes - one.bytesBefore
      one.bytesBefore = bytes
      return since
    })
    for (const i of connectionsWith(share, work, MOST_GIVEN)) if (!held[i]!.isAsked) this.#give(held[i]!, to)
  }

  #give(held: Held, to: number): void {
    const { connection, transport, index, listener } = held
    held.isAsked = true
    connection!.release(isReleased => {
      held.isAsked = false
      if (!isReleased) return
      held.isGiven = true
      const fd = this.#options.calls.dup(transport.fd)
      transport.destroy()
      if (fd >= 0) this.#options.post({ type: 'given', fd, index, listener, to })
      else this.#cells.closed(index)
    })
  }
}

/** Of this thread, in milliseconds since its start. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
