/** Tells the master what becomes of its workers. */
import type { PoolEvents } from '../apps/pool/events.ts'
import type { GatewayChannel } from '../control/ipc.ts'

export function poolEvents(channel: GatewayChannel, log: PoolEvents['log']): PoolEvents {
  return {
    warming: worker => channel.send({ type: 'worker-warming', worker }),
    cold: (worker, note) => channel.send({ type: 'worker-cold', worker, note }),
    linked: worker => channel.send({ type: 'worker-linked', worker }),
    drained: worker => channel.send({ type: 'worker-drained', worker }),
    lost: (worker, reason) => channel.send({ type: 'worker-lost', worker, reason }),
    stuck: (worker, note, request, thread) => channel.send({ type: 'worker-stuck', worker, note, request, thread }),
    blocked: (worker, note) => channel.send({ type: 'worker-blocked', worker, note }),
    spent: (worker, requests) => channel.send({ type: 'worker-spent', worker, requests }),
    log,
  }
}
