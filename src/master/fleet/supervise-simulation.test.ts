/** Obedient processes under any faults: the plan comes to rest, and all wanted workers serve. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Action, type FleetState, plan, type WorkerView } from './supervise.ts'
import { fleetState, generation, NEVER, words, worker } from './testing/states.ts'
import { HAS_LINKS, IN_SERVICE, type WorkerPhase } from './worker-phases.ts'

interface Simulated {
  fleet: FleetState
  lastWorker: number
  lastGeneration: number
}

function setWorker(state: Simulated, id: number, changes: Partial<WorkerView>): void {
  const workers = state.fleet.workers.map(one => (one.id === id ? { ...one, ...changes } : one))
  state.fleet = { ...state.fleet, workers }
}

function perform(state: Simulated, action: Action): void {
  const { fleet } = state
  const { now } = fleet
  switch (action.type) {
    case 'new-generation': {
      const next = ++state.lastGeneration
      const { pools } = fleet.generations.at(-1)!
      state.fleet = { ...fleet, next, generations: [...fleet.generations, { ...generation(next, 'loading'), pools }] }
      break
    }
    case 'promote':
      state.fleet = { ...fleet, serving: fleet.next, next: null }
      break
    case 'fork': {
      const made = worker(++state.lastWorker, 'forking', {
        generation: action.generation,
        pool: action.pool,
        since: now,
      })
      state.fleet = { ...fleet, workers: [...fleet.workers, made] }
      break
    }
    case 'end-preloader':
      state.fleet = { ...fleet, generations: fleet.generations.filter(one => one.number !== action.generation) }
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
  const { fleet } = state
  const ahead: Partial<Record<WorkerPhase, WorkerPhase>> = {
    forking: 'starting',
    starting: 'ready',
    draining: 'drained',
    ...(fleet.hasGateway ? { linking: 'warming', warming: 'linked' } : {}),
  }
  const workers = fleet.workers
    .filter(one => one.phase !== 'stopping' && one.phase !== 'killing')
    .map(one => ({ ...one, phase: ahead[one.phase] ?? one.phase }))
  const generations = fleet.generations.map(one =>
    one.preloader === 'loading' ? { ...one, preloader: 'forking' as const } : one,
  )
  state.fleet = { ...fleet, workers, generations, hasGateway: true }
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
  const { fleet } = state
  const victim = fleet.workers[pick % Math.max(1, fleet.workers.length)]
  switch (blow) {
    case 'kill-worker':
      state.fleet = { ...fleet, workers: fleet.workers.filter(one => one !== victim) }
      break
    case 'kill-preloader': {
      const generations = fleet.generations.map(one =>
        one.number === fleet.serving ? { ...one, preloader: 'gone' as const } : one,
      )
      state.fleet = { ...fleet, generations }
      break
    }
    case 'kill-gateway': {
      const back = (phase: WorkerPhase) => (HAS_LINKS.has(phase) ? 'ready' : phase === 'draining' ? 'drained' : phase)
      state.fleet = {
        ...fleet,
        hasGateway: false,
        workers: fleet.workers.map(one => ({ ...one, phase: back(one.phase) })),
      }
      break
    }
    case 'stuck':
    case 'lost':
    case 'mute':
      if (victim && IN_SERVICE.has(victim.phase)) setWorker(state, victim.id, { fault: blow, faultSince: fleet.now })
      break
    case 'due':
      if (victim) setWorker(state, victim.id, { recycleAt: Math.min(fleet.now, victim.recycleAt) })
      break
    case 'reload':
      if (fleet.next === null && fleet.serving !== null) perform(state, { type: 'new-generation' })
      break
    // For one generation, because the interface of its application may be known late.
    case 'more':
    case 'less': {
      const number = fleet.generations[pick % fleet.generations.length]!.number
      const by = blow === 'more' ? 1 : -1
      const generations = fleet.generations.map(one =>
        one.number === number
          ? { ...one, pools: one.pools.map(pool => ({ ...pool, wanted: Math.max(1, pool.wanted + by) })) }
          : one,
      )
      state.fleet = { ...fleet, generations }
      break
    }
    case 'nothing':
      break
  }
}

/** Plans until nothing is left to do at this moment. A plan that never ends would hang the master. */
function settle(state: Simulated): void {
  for (let round = 0; round < 20; round++) {
    const { actions } = plan(state.fleet)
    if (actions.length === 0) return
    for (const action of actions) perform(state, action)
  }
  assert.fail(`the plan never comes to rest: ${words(plan(state.fleet))}`)
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

const POOLS = [
  { name: '', wanted: 2 },
  { name: 'export', wanted: 1 },
]

test('whatever happens to the processes, the plan comes to rest and all wanted workers of one generation serve', () => {
  const blows = fc.array(fc.tuple(fc.constantFrom(...BLOWS), fc.nat(20)), { maxLength: 30 })
  fc.assert(
    fc.property(blows, sequence => {
      const state: Simulated = {
        fleet: fleetState({
          serving: null,
          next: 1,
          hasGateway: false,
          generations: [{ ...generation(1, 'loading'), pools: POOLS }],
        }),
        lastWorker: 0,
        lastGeneration: 1,
      }
      for (const [blow, pick] of sequence) {
        strike(state, blow, pick)
        settle(state)
        progress(state)
      }
      for (let round = 0; round < 60; round++) {
        state.fleet = { ...state.fleet, now: state.fleet.now + 1000 }
        settle(state)
        progress(state)
      }
      const { serving, next, workers, generations } = state.fleet
      const { pools } = generations.find(one => one.number === serving)!
      assert.equal(next, null)
      assert.deepEqual(
        workers.map(one => [one.generation, one.pool, one.phase, one.fault]).sort(),
        pools
          .flatMap(({ name, wanted }) => Array.from({ length: wanted }, () => [serving, name, 'linked', null]))
          .sort(),
      )
      assert.deepEqual(
        generations.filter(one => one.preloader !== 'gone').map(one => one.number),
        [serving],
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
        fleet: fleetState({ wanted, workers: Array.from({ length: wanted }, (_, i) => worker(i + 1, 'linked')) }),
        lastWorker: wanted,
        lastGeneration: 1,
      }
      const step = (blow: Blow, pick: number) => {
        strike(state, blow, pick)
        settle(state)
        const { workers, serving } = state.fleet
        const own = workers.filter(one => one.generation === serving)
        assert.ok(own.filter(one => one.phase === 'linked').length >= wanted, 'a dip')
        assert.ok(own.length <= wanted + 1, 'more than one at a time')
        progress(state)
        state.fleet = { ...state.fleet, now: state.fleet.now + 100 }
      }
      for (const [blow, pick] of sequence) step(blow, pick)
      for (let round = 0; round < 10 * wanted + 10; round++) step('nothing', 0)
      assert.ok(
        state.fleet.workers.every(one => one.recycleAt === NEVER),
        'one that was due is still there',
      )
    }),
    { numRuns: 300 },
  )
})
