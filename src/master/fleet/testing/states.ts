/** Short ways to write down states of the fleet, for the tests of `supervise.ts`, and actions as words. */
import assert from 'node:assert/strict'
import { type FleetState, type GenerationView, type Plan, type PoolView, plan, type WorkerView } from '../supervise.ts'
import type { WorkerPhase } from '../worker-phases.ts'

export const NOW = 1_000_000
export const GRACEFUL = 30_000
export const NEVER = Number.POSITIVE_INFINITY

/** All generations want as many workers in their main pool, unless one says how many, or has other pools. */
export type Changes = Partial<Omit<FleetState, 'generations'>> & {
  readonly wanted?: number
  readonly generations?: readonly (Omit<GenerationView, 'pools'> & {
    readonly wanted?: number
    readonly forkNotBefore?: number
    readonly pools?: readonly (Pick<PoolView, 'name' | 'wanted'> & Partial<PoolView>)[]
  })[]
}

export function fleetState({
  wanted = 2,
  generations = [generation(1, 'forking')],
  ...changes
}: Changes = {}): FleetState {
  return {
    now: NOW,
    gracefulMs: GRACEFUL,
    hasGateway: true,
    serving: 1,
    next: null,
    nextNotBefore: 0,
    triesAgain: false,
    workers: [],
    ...changes,
    generations: generations.map(({ wanted: own, forkNotBefore = 0, pools, ...one }) => ({
      ...one,
      pools: (pools ?? [{ name: '', wanted: own ?? wanted }]).map(pool => ({ forkNotBefore, ...pool })),
    })),
  }
}

export function worker(id: number, phase: WorkerPhase, changes: Partial<WorkerView> = {}): WorkerView {
  return {
    id,
    generation: 1,
    pool: '',
    phase,
    since: NOW - 1,
    fault: null,
    faultSince: 0,
    recycleAt: NEVER,
    isDebugged: false,
    hasServed: false,
    ...changes,
  }
}

/** `fork 1, add 3`: actions as words. */
export function words(found: Plan): string {
  return found.actions
    .map(action => {
      if ('worker' in action) return `${action.type} ${action.worker}`
      const pool = 'pool' in action && action.pool !== '' ? ` ${action.pool}` : ''
      return 'generation' in action ? `${action.type} ${action.generation}${pool}` : action.type
    })
    .join(', ')
}

export const serving = [worker(1, 'linked'), worker(2, 'linked')]
export const generation = (number: number, preloader: 'loading' | 'forking' | 'gone', forkNotBefore = 0) => ({
  number,
  preloader,
  forkNotBefore,
})
export const reload = { next: 2, generations: [generation(1, 'forking'), generation(2, 'forking')] }
export const fewer = { next: 2, generations: [generation(1, 'forking'), { ...generation(2, 'forking'), wanted: 1 }] }
export const young = (id: number, phase: WorkerPhase) => worker(id, phase, { generation: 2 })

/** Due for recycling since `ago`. */
export const due = (id: number, ago: number, phase: WorkerPhase = 'linked', changes: Partial<WorkerView> = {}) =>
  worker(id, phase, { recycleAt: NOW - ago, ...changes })

/** What, the state, its actions, and when to look again (relative to now; Infinity when left out). */
export type Row = readonly [string, Changes, string, number?]

export function checkPlan([, state, expected, wakeIn]: Row): void {
  const found = plan(fleetState(state))
  assert.equal(words(found), expected)
  // With actions the fleet plans again at once.
  if (found.actions.length === 0) assert.equal(found.wakeAt, NOW + (wakeIn ?? NEVER))
  else if (wakeIn !== undefined) assert.equal(found.wakeAt, NOW + wakeIn)
}
