/**
 * Entry of one thread of the gateway: serves the connections that the main thread gives it. Runs in a thread of `worker_threads`.
 *
 * Invariant: what is in force here follows the epoch word: a change that this thread has prepared is put in force before its next request
 * after the word has changed (`EpochEntry`).
 * Not here: what it serves with (`gateway.ts`), the other threads (`group.ts`).
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { AddressCounts } from '../../shared/address-counts.ts'
import { tickOf } from '../../shared/clock.ts'
import { sharesOf } from '../../shared/shares.ts'
import { ThreadCells } from '../../shared/thread-cells.ts'
import { Gateway, loadHandshakes, loadRemote } from '../gateway.ts'
import { shrinkHeap } from '../give-back.ts'
import { temporaryBytes } from '../shared-parts.ts'
import { descriptorCalls } from './descriptor-calls.ts'
import { EpochEntry } from './epoch-entry.ts'
import type { MainToThread, PeerMessage, ThreadStart, ThreadToMain } from './messages.ts'
import { Receiver } from './receiver.ts'
import { ThreadSlots } from './thread-slots.ts'

/** How often it says that its event loop turns. */
const TURN_MS = 1000
/** A thread with less work in the second `LOOK_MS` of its life is idle. */
const IDLE_MS = 10
const LOOK_MS = 1000

const main = parentPort!

function post(message: ThreadToMain): void {
  main.postMessage(message)
}

async function run(made: ThreadStart): Promise<void> {
  const { index, count, start, cells: memory, pools, addresses, handed } = made
  let { limits: memoryOfLimits, groups: memoryOfGroups } = made
  const cells = new ThreadCells(memory)
  const { limits } = start.config
  const calls = await descriptorCalls()
  const noMore = Promise.withResolvers<void>()
  const entry = new EpochEntry(() => cells.epoch)
  const peers = new Map<number, MessagePort>()
  const tellPeer = (thread: number, message: PeerMessage) => peers.get(thread)?.postMessage(message)

  const slots = new ThreadSlots(index, count, pools, thread => tellPeer(thread, 'slots'))
  const gateway = new Gateway({
    start,
    send: message => post({ type: 'tell', message }),
    entry,
    handshakes: await loadHandshakes(start),
    remote: await loadRemote(start),
    stopAccepting: () => noMore.promise,
    threads: {
      uses: sharesOf(cells, index, { memory: limits.memory, temporaryBytes: temporaryBytes(start.config) }, thread =>
        tellPeer(thread, 'memory'),
      ),
      slotSource: slots.sourceOf,
      addressCounts: app => new AddressCounts(addresses, count, index, app),
      limits: { thread: index, memoriesOf: () => memoryOfLimits },
      traffic: () => cells.trafficOfOthers(index),
      groups: { threads: count, thread: index, memoriesOf: () => memoryOfGroups },
      onOffender: (app, pool, kind) => {
        for (const port of peers.values()) port.postMessage({ app, pool, kind } satisfies PeerMessage)
      },
    },
  })
  const receiver = new Receiver({
    connections: gateway.connections,
    memory: gateway.memory,
    listeners: start.listeners,
    cells: handed,
    limit: limits.connections,
    calls,
    post,
  })

  function onPeer(message: PeerMessage): void {
    if (message === 'slots') slots.woken()
    else if (message === 'memory') gateway.checkMemory()
    else gateway.learnOffender(message.app, message.pool, message.kind)
  }

  main.on('message', (message: MainToThread) => {
    switch (message.type) {
      case 'connection':
        receiver.take(message)
        break
      case 'give':
        receiver.give(message)
        break
      case 'tell':
        if (message.message.type === 'worker-add') gateway.addWorker({ ...message.message, cells: message.cells! })
        else gateway.onMessage(message.message)
        break
      case 'prepare':
        slots.configure(message.pools)
        memoryOfLimits = message.limits
        memoryOfGroups = message.groups
        entry.prepared(message.epoch, gateway.prepare(message.change))
        post({ type: 'prepared', epoch: message.epoch })
        break
      case 'switch':
        entry.follow()
        break
      case 'peer':
        peers.set(message.thread, message.port)
        message.port.on('message', onPeer)
        break
      case 'no-more':
        noMore.resolve()
        break
      case 'end':
        void gateway.end().then(() => post({ type: 'ended' }))
    }
  })
  const turned = () => {
    cells.turned(index, tickOf(performance.now()))
    const { traffic } = gateway
    if (traffic !== null) cells.tellTraffic(index, traffic)
  }
  turned()
  setInterval(turned, TURN_MS)
  post({ type: 'up' })
  shrinkWhenIdle()
}

/**
 * The start leaves 4 MB of room in the heap that an idle thread does not need. Only at the start: later the same collection would throw away
 * compiled code that the next requests need.
 */
function shrinkWhenIdle(): void {
  setTimeout(() => {
    const { active } = performance.eventLoopUtilization()
    setTimeout(() => {
      if (performance.eventLoopUtilization().active - active < IDLE_MS) shrinkHeap()
    }, LOOK_MS).unref()
  }, LOOK_MS).unref()
}

await run(workerData as ThreadStart)
