/** Obedient processes under any faults: the plan comes to rest, and all wanted workers serve. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Action, plan, type WorkerView, type World } from './supervise.ts'
import { generation, NEVER, words, worker, world } from './testing/worlds.ts'
import { IN_SERVICE, LINKED, type WorkerPhase } from './worker-phases.ts'

interface Simulated {
  world: World
  lastWorker: number
  lastGeneration: number
}

function setWorker(state: Simulated, id: number, changes: Partial<WorkerView>): void {
  const workers = state.world.workers.map(one => (one.id === id ? { ...one, ...changes } : one))
  state.world = { ...state.world, workers }
}

function perform(state: Simulated, action: Action): void {
  const { world } = state
  const { now } = world
  switch (action.type) {
    case 'spawn-gateway':
      state.world = { ...world, gateway: 'starting', gatewaySince: now }
      break
    case 'kill-gateway':
      state.world = { ...world, gateway: 'gone' }
      break
    case 'new-generation': {
      const next = ++state.lastGeneration
      const { wanted } = world.generations.at(-1)!
      state.world = { ...world, next, generations: [...world.generations, { ...generation(next, 'loading'), wanted }] }
      break
    }
    case 'promote':
      state.world = { ...world, current: world.next, next: null }
      break
    case 'fork': {
      const made = worker(++state.lastWorker, 'forking', { generation: action.generation, since: now })
      state.world = { ...world, workers: [...world.workers, made] }
      break
    }
    case 'end-preloader':
      state.world = { ...world, generations: world.generations.filter(one => one.number !== action.generation) }
      break
    default: {
      const phases = {
        add: 'linking',
        drain: 'draining',
        recycle: 'draining',
        stop: 'stopping',
        kill: 'killing',
      } as const
      setWorker(state, action.worker, { phase: phases[action.type], since: now })
    }
  }
}

/** What obedient processes do next. */
function progress(state: Simulated): void {
  const { world } = state
  const ahead: Partial<Record<WorkerPhase, WorkerPhase>> = {
    forking: 'starting',
    starting: 'ready',
    draining: 'drained',
    ...(world.gateway === 'listening' ? { linking: 'warming', warming: 'serving' } : {}),
  }
  const workers = world.workers
    .filter(one => one.phase !== 'stopping' && one.phase !== 'killing')
    .map(one => ({ ...one, phase: ahead[one.phase] ?? one.phase }))
  const generations = world.generations.map(one =>
    one.preloader === 'loading' ? { ...one, preloader: 'forking' as const } : one,
  )
  state.world = { ...world, workers, generations, gateway: world.gateway === 'starting' ? 'listening' : world.gateway }
}

type Blow =
  | 'kill-worker'
  | 'kill-preloader'
  | 'kill-gateway'
  | 'stuck'
  | 'lost'
  | 'mute'
  | 'due'
  | 'reload'
  | 'more'
  | 'less'
  | 'nothing'

function strike(state: Simulated, blow: Blow, pick: number): void {
  const { world } = state
  const victim = world.workers[pick % Math.max(1, world.workers.length)]
  switch (blow) {
    case 'kill-worker':
      state.world = { ...world, workers: world.workers.filter(one => one !== victim) }
      break
    case 'kill-preloader': {
      const generations = world.generations.map(one =>
        one.number === world.current ? { ...one, preloader: 'gone' as const } : one,
      )
      state.world = { ...world, generations }
      break
    }
    case 'kill-gateway': {
      const back = (phase: WorkerPhase) => (LINKED.has(phase) ? 'ready' : phase === 'draining' ? 'drained' : phase)
      state.world = {
        ...world,
        gateway: 'gone',
        workers: world.workers.map(one => ({ ...one, phase: back(one.phase) })),
      }
      break
    }
    case 'stuck':
    case 'lost':
    case 'mute':
      if (victim && IN_SERVICE.has(victim.phase)) setWorker(state, victim.id, { fault: blow, faultSince: world.now })
      break
    case 'due':
      if (victim) setWorker(state, victim.id, { recycleAt: Math.min(world.now, victim.recycleAt) })
      break
    case 'reload':
      if (world.next === null && world.current !== null) perform(state, { type: 'new-generation' })
      break
    // For one generation, because the interface of its application may be known late.
    case 'more':
    case 'less': {
      const number = world.generations[pick % world.generations.length]!.number
      const by = blow === 'more' ? 1 : -1
      const generations = world.generations.map(one =>
        one.number === number ? { ...one, wanted: Math.max(1, one.wanted + by) } : one,
      )
      state.world = { ...world, generations }
      break
    }
    case 'nothing':
      break
  }
}

/** Plans until nothing is left to do at this moment. A plan that never ends would hang the master. */
function settle(state: Simulated): void {
  for (let round = 0; round < 20; round++) {
    const { actions } = plan(state.world)
    if (actions.length === 0) return
    for (const action of actions) perform(state, action)
  }
  assert.fail(`the plan never comes to rest: ${words(plan(state.world))}`)
}

const BLOWS: readonly Blow[] = [
  'kill-worker',
  'kill-preloader',
  'kill-gateway',
  'stuck',
  'lost',
  'mute',
  'due',
  'reload',
  'more',
  'less',
  'nothing',
]

test('whatever happens to the processes, the plan comes to rest and all wanted workers of one generation serve', () => {
  const blows = fc.array(fc.tuple(fc.constantFrom(...BLOWS), fc.nat(20)), { maxLength: 30 })
  fc.assert(
    fc.property(blows, sequence => {
      const state: Simulated = {
        world: world({ current: null, next: 1, gateway: 'gone', generations: [generation(1, 'loading')] }),
        lastWorker: 0,
        lastGeneration: 1,
      }
      for (const [blow, pick] of sequence) {
        strike(state, blow, pick)
        settle(state)
        progress(state)
      }
      for (let round = 0; round < 60; round++) {
        state.world = { ...state.world, now: state.world.now + 1000 }
        settle(state)
        progress(state)
      }
      const { current, next, workers, generations } = state.world
      const { wanted } = generations.find(one => one.number === current)!
      assert.equal(next, null)
      assert.deepEqual(
        workers.map(one => [one.generation, one.phase, one.fault]),
        Array.from({ length: wanted }, () => [current, 'serving', null]),
      )
      assert.deepEqual(
        generations.filter(one => one.preloader !== 'gone').map(one => one.number),
        [current],
      )
    }),
    { numRuns: 300 },
  )
})

test('recycling never lowers the number of serving workers, and every worker that is due gets its turn', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom<Blow>('due', 'due', 'reload', 'nothing'), fc.nat(20)), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 5 }), (sequence, wanted) => {
      const state: Simulated = {
        world: world({ wanted, workers: Array.from({ length: wanted }, (_, i) => worker(i + 1, 'serving')) }),
        lastWorker: wanted,
        lastGeneration: 1,
      }
      const step = (blow: Blow, pick: number) => {
        strike(state, blow, pick)
        settle(state)
        const { workers, current } = state.world
        const own = workers.filter(one => one.generation === current)
        assert.ok(own.filter(one => one.phase === 'serving').length >= wanted, 'a dip')
        assert.ok(own.length <= wanted + 1, 'more than one at a time')
        progress(state)
        state.world = { ...state.world, now: state.world.now + 100 }
      }
      for (const [blow, pick] of sequence) step(blow, pick)
      for (let round = 0; round < 10 * wanted + 10; round++) step('nothing', 0)
      assert.ok(
        state.world.workers.every(one => one.recycleAt === NEVER),
        'one that was due is still there',
      )
    }),
    { numRuns: 300 },
  )
})
