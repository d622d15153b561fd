/** Tells the master what becomes of its workers. */
import type { PoolEvents } from '../apps/pool/events.ts'
import type { GatewayToMaster } from '../control/messages.ts'

export function poolEvents(send: (message: GatewayToMaster) => void, log: PoolEvents['log']): PoolEvents {
  return {
    warming: worker => send({ type: 'worker-warming', worker }),
    cold: (worker, note) => send({ type: 'worker-cold', worker, note }),
    linked: worker => send({ type: 'worker-linked', worker }),
    drained: worker => send({ type: 'worker-drained', worker }),
    lost: (worker, reason) => send({ type: 'worker-lost', worker, reason }),
    stuck: (worker, note, request, thread) => send({ type: 'worker-stuck', worker, note, request, thread }),
    blocked: (worker, note) => send({ type: 'worker-blocked', worker, note }),
    spent: (worker, requests) => send({ type: 'worker-spent', worker, requests }),
    log,
  }
}
