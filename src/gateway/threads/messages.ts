/**
 * Every message between the main thread of the gateway and its threads, on the MessagePort of each thread, in order. They are of one
 * program, so nobody checks them. The gateway has several threads where `--gateway-threads` says so.
 *
 *   master ══ IPC ══ main thread ══ ports ══ thread 0 … T-1          threads wake one another by ports of their own (`peer`)
 */
import type { MessagePort } from 'node:worker_threads'
import type { GatewayChange, GatewayStart, GatewayToMaster } from '../../control/messages.ts'
import type { MemoryOfLimits } from '../../limits/memories.ts'
import type { MemoryOfGroups } from '../../upstream/balance/group-memories.ts'
import type { GatewayMessage } from '../gateway.ts'
import type { ConnectionMessage, GiveMessage, GivenMessage } from './hand-over-messages.ts'

/** Shared memory of one pool: who waits there. */
export interface PoolCells {
  readonly app: string
  readonly pool: string
  readonly cells: SharedArrayBuffer
}

/** What a thread is made with (`workerData`). */
export interface ThreadStart {
  /** From 0. A thread that replaces a dead one has its index. */
  readonly index: number
  /** Number of threads. */
  readonly count: number
  readonly start: GatewayStart
  /** `shared/thread-cells.ts`. */
  readonly cells: SharedArrayBuffer
  readonly pools: readonly PoolCells[]
  readonly limits: MemoryOfLimits
  /** `upstream/balance/group-memories.ts`. */
  readonly groups: MemoryOfGroups
  /** `shared/address-counts.ts`. */
  readonly addresses: SharedArrayBuffer
  /** `shared/handed-connections.ts`. */
  readonly handed: SharedArrayBuffer
}

/** What is done at once. `worker-add` comes with the worker's cells. */
export type ToldMessage = Exclude<GatewayMessage, GatewayChange>

export type MainToThread =
  | { readonly type: 'tell'; readonly message: ToldMessage; readonly cells?: SharedArrayBuffer }
  /** A change that comes into force in all threads at once. `pools`, `limits`, `groups`: of the configuration after it. `prepared` answers. */
  | {
      readonly type: 'prepare'
      readonly epoch: number
      readonly change: GatewayChange
      readonly pools: readonly PoolCells[]
      readonly limits: MemoryOfLimits
      readonly groups: MemoryOfGroups
    }
  /** The epoch word has changed. A thread that takes requests has seen that already. */
  | { readonly type: 'switch' }
  /** How to tell another thread something (`PeerMessage`). It replaces an earlier port. */
  | { readonly type: 'peer'; readonly thread: number; readonly port: MessagePort }
  /** After a drain has begun: no connection follows. */
  | { readonly type: 'no-more' }
  /** The master has gone. `ended` answers. */
  | { readonly type: 'end' }
  | ConnectionMessage
  | GiveMessage

export type ThreadToMain =
  /** It can take connections. */
  | { readonly type: 'up' }
  | { readonly type: 'prepared'; readonly epoch: number }
  | { readonly type: 'tell'; readonly message: GatewayToMaster }
  | { readonly type: 'ended' }
  | GivenMessage

/**
 * From thread to thread. slots: one was given to you, look. memory: it is short, and you have more than your share. An object: requests of
 * this kind have cost workers of the pool (`apps/pool/offenders.ts`).
 */
export type PeerMessage = 'slots' | 'memory' | { readonly app: string; readonly pool: string; readonly kind: string }
