/**
 * Entry of one thread of the gateway: serves the connections that the main thread gives it. Runs in a thread of `worker_threads`.
 *
 * Invariant: what is in force here follows the epoch word: a change that this thread has prepared is put in force before its next request
 * after the word has changed (`EpochEntry`).
 * Not here: what it serves with (`gateway.ts`), the other threads (`group.ts`).
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { ThreadCells } from '../../shared/thread-cells.ts'
import { Gateway } from '../gateway.ts'
import { EpochEntry } from './epoch-entry.ts'
import type { MainToThread, ThreadStart, ThreadToMain } from './messages.ts'

const main = parentPort!

function post(message: ThreadToMain): void {
  main.postMessage(message)
}

function run({ start, cells: memory }: ThreadStart): void {
  const cells = new ThreadCells(memory)
  const noMore = Promise.withResolvers<void>()
  const entry = new EpochEntry(() => cells.epoch)
  const peers = new Map<number, MessagePort>()
  const gateway = new Gateway({
    start,
    send: message => post({ type: 'tell', message }),
    entry,
    stopAccepting: () => noMore.promise,
  })

  main.on('message', (message: MainToThread) => {
    switch (message.type) {
      case 'tell':
        gateway.onMessage(message.message)
        break
      case 'prepare':
        entry.prepared(message.epoch, gateway.prepare(message.change))
        post({ type: 'prepared', epoch: message.epoch })
        break
      case 'switch':
        entry.follow()
        break
      case 'peer':
        peers.set(message.thread, message.port)
        break
      case 'no-more':
        noMore.resolve()
        break
      case 'end':
        void gateway.end().then(() => post({ type: 'ended' }))
    }
  })
  post({ type: 'up' })
}

run(workerData as ThreadStart)
