import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Action, type GenerationView, type Plan, plan, type WorkerView, type World } from './supervise.ts'
import { IN_SERVICE, LINKED, type WorkerPhase } from './worker-phases.ts'

const NOW = 1_000_000
const GRACEFUL = 30_000
const NEVER = Number.POSITIVE_INFINITY

/** All generations want as many workers, unless one says how many. */
type Changes = Partial<Omit<World, 'generations'>> & {
  readonly wanted?: number
  readonly generations?: readonly (Omit<GenerationView, 'wanted'> & { readonly wanted?: number })[]
}

function world({ wanted = 2, generations = [generation(1, 'forking')], ...changes }: Changes = {}): World {
  return {
    now: NOW,
    gracefulMs: GRACEFUL,
    gateway: 'listening',
    gatewaySince: 0,
    gatewayNotBefore: 0,
    current: 1,
    next: null,
    nextNotBefore: 0,
    workers: [],
    ...changes,
    generations: generations.map(one => ({ wanted, ...one })),
  }
}

function worker(id: number, phase: WorkerPhase, changes: Partial<WorkerView> = {}): WorkerView {
  return {
    id,
    generation: 1,
    phase,
    since: NOW - 1,
    fault: null,
    faultSince: 0,
    recycleAt: NEVER,
    isDebugged: false,
    ...changes,
  }
}

/** `fork 1, add 3`: actions as words. */
function words(found: Plan): string {
  return found.actions
    .map(action => {
      if ('worker' in action) return `${action.type} ${action.worker}`
      return 'generation' in action ? `${action.type} ${action.generation}` : action.type
    })
    .join(', ')
}

const serving = [worker(1, 'serving'), worker(2, 'serving')]
const generation = (number: number, preloader: 'loading' | 'forking' | 'gone', forkNotBefore = 0) => ({
  number,
  preloader,
  forkNotBefore,
})
const reload = { next: 2, generations: [generation(1, 'forking'), generation(2, 'forking')] }
const fewer = { next: 2, generations: [generation(1, 'forking'), { ...generation(2, 'forking'), wanted: 1 }] }
const young = (id: number, phase: WorkerPhase) => worker(id, phase, { generation: 2 })

/** Due for recycling since `ago`. */
const due = (id: number, ago: number, phase: WorkerPhase = 'serving', changes: Partial<WorkerView> = {}) =>
  worker(id, phase, { recycleAt: NOW - ago, ...changes })

/** what · state · actions · when to look again (relative to now; Infinity when left out) */
const TABLE: readonly (readonly [string, Changes, string, number?])[] = [
  ['all is well', { workers: serving }, ''],
  ['first start, still importing', { current: null, next: 1, generations: [generation(1, 'loading')] }, ''],
  ['first start, imported', { current: null, next: 1 }, 'fork 1, fork 1'],
  ['forks under way are counted', { workers: [worker(1, 'forking'), worker(2, 'starting')] }, ''],
  ['a warm-up takes its time', { workers: [worker(1, 'warming', { since: 0 }), worker(2, 'serving')] }, ''],
  [
    'a worker that is warming up when nobody needs it any more is killed: it may hang, and has no request of a client',
    { generations: [generation(1, 'forking'), generation(2, 'forking')], workers: [...serving, young(3, 'warming')] },
    'kill 3',
  ],
  ['a ready worker is given to the gateway', { workers: [worker(1, 'ready'), worker(2, 'serving')] }, 'add 1'],
  [
    'a ready worker waits for a gateway that is not up',
    { gateway: 'starting', gatewaySince: NOW, workers: [worker(1, 'ready'), worker(2, 'ready')] },
    '',
    30_000,
  ],
  ['the first generation takes over when all serve', { current: null, next: 1, workers: serving }, 'promote'],
  [
    'the first generation does not take over when one is missing',
    { current: null, next: 1, workers: [worker(1, 'serving'), worker(2, 'linking')] },
    '',
    9_999,
  ],
  ['a dead worker is replaced', { workers: [worker(1, 'serving')] }, 'fork 1'],
  [
    'a crash loop waits',
    { generations: [generation(1, 'forking', NOW + 700)], workers: [worker(1, 'serving')] },
    '',
    700,
  ],
  [
    'a crash loop that has waited goes on',
    { generations: [generation(1, 'forking', NOW)], workers: [worker(1, 'serving')] },
    'fork 1',
  ],
  ['one worker more', { wanted: 3, workers: serving }, 'fork 1'],
  ['one worker less: the newest drains', { wanted: 1, workers: serving }, 'drain 2'],
  [
    'one worker less: one that still imports is killed',
    { wanted: 1, workers: [worker(1, 'serving'), worker(2, 'starting')] },
    'kill 2',
  ],
  [
    'one worker less: one that is ready is stopped and not linked',
    { wanted: 1, workers: [worker(1, 'serving'), worker(2, 'ready')] },
    'stop 2',
  ],
  ['a drained worker is stopped', { workers: [...serving, worker(3, 'drained')] }, 'stop 3'],
  ['a draining worker has the graceful timeout', { workers: [...serving, worker(3, 'draining')] }, '', GRACEFUL - 1],
  [
    'one that stands in a debugger is not, however long it drains',
    { workers: [...serving, worker(3, 'draining', { since: NOW - 9 * GRACEFUL, isDebugged: true })] },
    '',
    NEVER,
  ],
  [
    'a draining worker that overran it is killed',
    { workers: [...serving, worker(3, 'draining', { since: NOW - GRACEFUL })] },
    'kill 3',
  ],
  [
    'a stopping worker that overran it is killed',
    { workers: [...serving, worker(3, 'stopping', { since: NOW - GRACEFUL })] },
    'kill 3',
  ],
  [
    'a stopping worker at fault has a second',
    { workers: [...serving, worker(3, 'stopping', { fault: 'stuck' })] },
    '',
    999,
  ],
  [
    'a killed worker that is still there is killed again',
    { workers: [...serving, worker(3, 'killing', { since: NOW - 10_000 })] },
    'kill 3',
  ],
  [
    'a worker that accepts no links is killed',
    { workers: [worker(1, 'serving'), worker(2, 'linking', { since: NOW - 10_000 })] },
    'kill 2',
  ],
  [
    'a stuck worker: the replacement first',
    { workers: [worker(1, 'serving', { fault: 'stuck', faultSince: NOW }), worker(2, 'serving')] },
    'fork 1',
    GRACEFUL,
  ],
  [
    'a stuck worker stays until the replacement serves',
    {
      workers: [worker(1, 'serving', { fault: 'stuck', faultSince: NOW }), worker(2, 'serving'), worker(3, 'linking')],
    },
    '',
    9_999,
  ],
  [
    'a stuck worker drains when the replacement serves',
    {
      workers: [worker(1, 'serving', { fault: 'stuck', faultSince: NOW }), worker(2, 'serving'), worker(3, 'serving')],
    },
    'drain 1',
  ],
  [
    'a stuck worker drains when no replacement came in time',
    {
      workers: [
        worker(1, 'serving', { fault: 'stuck', faultSince: NOW - GRACEFUL }),
        worker(2, 'serving'),
        worker(3, 'starting'),
      ],
    },
    'drain 1',
  ],
  [
    'a lost worker is replaced at once; it may be dying',
    { workers: [worker(1, 'serving', { fault: 'lost', faultSince: NOW }), worker(2, 'serving')] },
    'fork 1',
    500,
  ],
  [
    'a lost worker that did not die is stopped',
    {
      workers: [
        worker(1, 'serving', { fault: 'lost', faultSince: NOW - 500 }),
        worker(2, 'serving'),
        worker(3, 'starting'),
      ],
    },
    'stop 1',
  ],
  [
    'a worker that falls mute at its start is dying: nobody is forked for it before its death is counted',
    { workers: [worker(1, 'starting', { fault: 'mute', faultSince: NOW - 10 }), worker(2, 'serving')] },
    '',
    490,
  ],
  [
    'a mute worker that imports is killed',
    {
      workers: [
        worker(1, 'starting', { fault: 'mute', faultSince: NOW - 500 }),
        ...[worker(2, 'serving'), worker(3, 'serving')],
      ],
    },
    'kill 1',
  ],
  [
    'a mute worker drains when the replacement serves',
    {
      workers: [
        worker(1, 'serving', { fault: 'mute', faultSince: NOW - 500 }),
        worker(2, 'serving'),
        worker(3, 'serving'),
      ],
    },
    'drain 1',
  ],
  ['recycling: the replacement first, of the oldest due only', { workers: [due(1, 5), due(2, 9)] }, 'fork 1'],
  ['recycling: who is not due yet stays', { workers: [due(1, -70), due(2, -50)] }, '', 50],
  [
    'recycling: it serves until the replacement does',
    { workers: [due(1, 5), due(2, 9), worker(3, 'linking')] },
    '',
    9_999,
  ],
  [
    'recycling: the one that is due for longest goes when the replacement serves',
    { workers: [due(1, 5), due(2, 9), worker(3, 'serving')] },
    'recycle 2',
  ],
  [
    'recycling: the next one waits until the first has gone',
    { workers: [due(1, 5), due(2, 9, 'draining'), worker(3, 'serving')] },
    '',
    GRACEFUL - 1,
  ],
  ['recycling: then it is its turn', { workers: [due(1, 5), worker(3, 'serving')] }, 'fork 1'],
  [
    'recycling: a crash of another comes first',
    { workers: [due(1, 5), worker(3, 'serving')], wanted: 3 },
    'fork 1, fork 1',
  ],
  [
    'recycling: no dip when another one crashes while the replacement serves',
    { workers: [due(1, 5), worker(3, 'serving')] },
    'fork 1',
  ],
  [
    'recycling: the replacement crashed, in a loop: the old one serves on',
    { workers: [due(1, 5), worker(2, 'serving')], generations: [generation(1, 'forking', NOW + 700)] },
    '',
    700,
  ],
  [
    'recycling: the old one crashed: its replacement is there already',
    { workers: [worker(2, 'serving'), worker(3, 'starting')] },
    '',
  ],
  [
    'recycling waits for a reload, which replaces all',
    { ...reload, workers: [due(1, 5), worker(2, 'serving'), young(3, 'starting'), young(4, 'starting')] },
    '',
  ],
  [
    'recycling: a reload takes the replacement back',
    {
      ...reload,
      workers: [
        due(1, 5),
        worker(2, 'serving'),
        worker(3, 'starting'),
        ...[young(4, 'starting'), young(5, 'starting')],
      ],
    },
    'kill 3',
  ],
  [
    'recycling: nobody is forked for one that still imports',
    { workers: [due(1, 5, 'starting'), worker(2, 'serving')] },
    '',
  ],
  [
    'recycling: a worker at fault is replaced for that',
    { workers: [due(1, 5, 'serving', { fault: 'stuck', faultSince: NOW }), worker(2, 'serving')] },
    'fork 1',
    GRACEFUL,
  ],
  [
    'recycling: one worker less, and nobody more is needed',
    { wanted: 1, workers: [due(1, 5), worker(2, 'serving'), worker(3, 'serving')] },
    'drain 3, recycle 1',
  ],
  [
    'recycling without a preloader: the new generation replaces them',
    { generations: [generation(1, 'gone')], workers: [due(1, 5), worker(2, 'serving')] },
    'new-generation',
  ],
  ['no gateway: another one', { gateway: 'gone', workers: [worker(1, 'ready'), worker(2, 'ready')] }, 'spawn-gateway'],
  [
    'no gateway, crash loop',
    { gateway: 'gone', gatewayNotBefore: NOW + 50, workers: [worker(1, 'ready'), worker(2, 'ready')] },
    '',
    50,
  ],
  [
    'a gateway that does not listen is killed',
    { gateway: 'starting', gatewaySince: NOW - 30_000, workers: [worker(1, 'ready'), worker(2, 'ready')] },
    'kill-gateway',
  ],
  ['reload: the new generation comes up beside the old one', { ...reload, workers: serving }, 'fork 2, fork 2'],
  [
    'reload: the old one replaces its dead meanwhile',
    { ...reload, workers: [worker(1, 'serving'), young(3, 'starting'), young(4, 'starting')] },
    'fork 1',
  ],
  [
    'reload: all new ones serve',
    { ...reload, workers: [...serving, young(3, 'serving'), young(4, 'serving')] },
    'promote',
  ],
  [
    'reload: a new one that wants fewer is complete with fewer, and the old one keeps its own',
    { ...fewer, workers: [worker(1, 'serving'), young(3, 'serving')] },
    'promote',
  ],
  ['reload: meanwhile each has as many as it wants', { ...fewer, workers: [worker(1, 'serving')] }, 'fork 1, fork 2'],
  [
    'reload: what it has too many goes before it takes over',
    { ...fewer, workers: [...serving, young(3, 'serving'), young(4, 'linking')] },
    'drain 4',
  ],
  [
    'after it: the old ones drain',
    { ...reload, current: 2, next: null, workers: [...serving, young(3, 'serving'), young(4, 'serving')] },
    'drain 1, drain 2',
  ],
  [
    'after it: the old preloader ends when its last worker has gone',
    { ...reload, current: 2, next: null, workers: [young(3, 'serving'), young(4, 'serving')] },
    'end-preloader 1',
  ],
  [
    'a reload given up: what there is of it goes',
    { ...reload, next: null, workers: [...serving, young(3, 'starting'), young(4, 'serving')] },
    'kill 3, drain 4',
  ],
  [
    'the preloader died: a new generation, the workers serve on',
    { generations: [generation(1, 'gone')], workers: serving },
    'new-generation',
  ],
  [
    'the preloader died: nothing is forked from it',
    { generations: [generation(1, 'gone'), generation(2, 'loading')], next: 2, workers: [worker(1, 'serving')] },
    '',
  ],
  [
    'preloaders die again and again: wait',
    { generations: [generation(1, 'gone')], nextNotBefore: NOW + 4000, workers: serving },
    '',
    4000,
  ],
]

for (const [what, state, expected, wakeIn] of TABLE) {
  test(`plan: ${what}`, () => {
    const found = plan(world(state))
    assert.equal(words(found), expected)
    // With actions the fleet plans again at once.
    if (found.actions.length === 0) assert.equal(found.wakeAt, NOW + (wakeIn ?? Number.POSITIVE_INFINITY))
    else if (wakeIn !== undefined) assert.equal(found.wakeAt, NOW + wakeIn)
  })
}

// ---- a fleet of obedient processes under any faults settles with all wanted workers serving ----

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
    // Of one generation: what its application is may be known late.
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

/** Plans until nothing is left to do at this moment; a plan that never ends would hang the master. */
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

test('recycling never takes a serving worker away, and every one that is due gets its turn', () => {
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
