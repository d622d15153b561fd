/**
 * What the workers of a pool run now, and for how long: for `jumak status`. Runs in the gateway, and only when somebody asks: it looks at
 * the links' own calls, so a request pays nothing for it.
 *
 * Invariant: an answer is bounded, however many requests run: so many of each worker, so many characters of each path.
 */
import type { PoolWorker, RunningCall } from './worker.ts'

/** Enough to see what holds a worker up; an ASGI worker may run thousands. */
export const MAX_OF_WORKER = 64
const MAX_PATH = 200
/** Longer ones are none of HTTP's. */
const MAX_METHOD = 32
/** A trusted proxy chooses them. */
const MAX_ID = 64

export interface RunningRequest {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly state: 'running' | 'streaming' | 'websocket' | 'waiting' | 'abandoned'
  readonly milliseconds: number
}

export interface WorkerReport {
  readonly worker: number
  readonly answered: number
  readonly running: number
  /** The oldest. */
  readonly requests: readonly RunningRequest[]
}

/** `room`: how many requests may be named in all; the workers share it in their order. `now`: milliseconds of performance.now. */
export function reportWorkers(workers: readonly PoolWorker[], room: number, now: number): WorkerReport[] {
  let left = room
  return workers.map(worker => {
    const running = worker.slots.flatMap(link => link.running())
    const shown = running.sort((a, b) => a.since - b.since).slice(0, Math.min(MAX_OF_WORKER, left))
    left -= shown.length
    return {
      worker: worker.id,
      answered: worker.answered,
      running: running.length,
      requests: shown.map(one => describe(one, now)),
    }
  })
}

function describe(one: RunningCall, now: number): RunningRequest {
  const { id, request } = one.call.exchange
  return {
    id: id.slice(0, MAX_ID),
    method: request.method.slice(0, MAX_METHOD),
    path: request.path.slice(0, MAX_PATH),
    state: stateOf(one),
    milliseconds: Math.max(0, Math.round(now - one.since)),
  }
}

function stateOf({ call, isBehind }: RunningCall): RunningRequest['state'] {
  if (isBehind) return 'waiting'
  if (call.phase === 'sent') return 'running'
  // An accepted one is done for the pool: its channel has it.
  if (call.exchange.isWebSocket) return 'websocket'
  return call.begun ? 'streaming' : 'abandoned'
}
