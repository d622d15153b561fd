/** Pools of one application in the plan: each has its own number, back-off and turn to be recycled; only the promotion waits for all. */
import { test } from 'node:test'
import { checkPlan, due, generation, NOW, type Row, worker } from './testing/states.ts'
import type { WorkerPhase } from './worker-phases.ts'

const MAIN = { name: '', wanted: 2 }
const EXPORT = { name: 'export', wanted: 1 }
const pooled = (number: number, pools: readonly (typeof MAIN & { readonly forkNotBefore?: number })[]) => ({
  ...generation(number, 'forking'),
  pools,
})
const main = [worker(1, 'linked'), worker(2, 'linked')]
const exporter = (id: number, phase: WorkerPhase = 'linked', changes = {}) =>
  worker(id, phase, { pool: 'export', ...changes })

const TABLE: readonly Row[] = [
  ['each pool has its own number', { generations: [pooled(1, [MAIN, EXPORT])] }, 'fork 1, fork 1, fork 1 export'],
  [
    'a surplus in one is no worker of the other',
    { generations: [pooled(1, [MAIN, EXPORT])], workers: [...main, worker(3, 'linked')] },
    'drain 3, fork 1 export',
  ],
  [
    'a generation takes over when all of its pools are complete',
    { serving: null, next: 1, generations: [pooled(1, [MAIN, EXPORT])], workers: [...main, exporter(3)] },
    'promote',
  ],
  [
    'it does not while one pool is incomplete',
    { serving: null, next: 1, generations: [pooled(1, [MAIN, EXPORT])], workers: [...main, exporter(3, 'starting')] },
    '',
  ],
  [
    'the crash loop of a pool does not hold up the main pool',
    { generations: [pooled(1, [MAIN, { ...EXPORT, forkNotBefore: NOW + 700 }])], workers: main.slice(1) },
    'fork 1',
    700,
  ],
  [
    'nor the other way round',
    { generations: [pooled(1, [{ ...MAIN, forkNotBefore: NOW + 700 }, EXPORT])], workers: main },
    'fork 1 export',
  ],
  [
    'one of each pool is recycled at a time: a long export holds up no other',
    {
      generations: [pooled(1, [MAIN, EXPORT])],
      workers: [due(1, 10), worker(2, 'linked'), exporter(3, 'draining', { recycleAt: NOW - 99 }), exporter(4)],
    },
    'fork 1',
  ],
  [
    'but not two of one pool',
    { generations: [pooled(1, [MAIN])], workers: [due(1, 10), worker(2, 'linked'), due(3, 99, 'draining')] },
    '',
    29_999,
  ],
  [
    'a stuck worker is replaced by one of its own pool',
    {
      generations: [pooled(1, [MAIN, EXPORT])],
      workers: [...main, worker(3, 'linked'), exporter(4, 'linked', { fault: 'stuck', faultSince: NOW })],
    },
    'drain 3, fork 1 export',
  ],
  ['a pool that is removed drains', { generations: [pooled(1, [MAIN])], workers: [...main, exporter(3)] }, 'drain 3'],
  [
    'a pool that is added is forked from the generation that serves',
    { generations: [pooled(1, [MAIN, EXPORT])], workers: main },
    'fork 1 export',
  ],
  [
    'a pool with fewer workers gives up its newest',
    { generations: [pooled(1, [MAIN, EXPORT])], workers: [...main, exporter(3), exporter(4)] },
    'drain 4',
  ],
  [
    'while a new generation comes up, both have all pools',
    { next: 2, generations: [pooled(1, [MAIN, EXPORT]), pooled(2, [MAIN, EXPORT])], workers: main },
    'fork 1 export, fork 2, fork 2, fork 2 export',
  ],
]

for (const row of TABLE) test(`plan: ${row[0]}`, () => checkPlan(row))
