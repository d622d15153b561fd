import { test } from 'node:test'
import {
  checkPlan,
  fewer,
  GRACEFUL,
  generation,
  NEVER,
  NOW,
  type Row,
  reload,
  serving,
  worker,
  young,
} from './testing/states.ts'

const TABLE: readonly Row[] = [
  ['all is well', { workers: serving }, ''],
  ['first start, still importing', { serving: null, next: 1, generations: [generation(1, 'loading')] }, ''],
  ['first start, imported', { serving: null, next: 1 }, 'fork 1, fork 1'],
  ['forks under way are counted', { workers: [worker(1, 'forking'), worker(2, 'starting')] }, ''],
  ['a warm-up takes its time', { workers: [worker(1, 'warming', { since: 0 }), worker(2, 'linked')] }, ''],
  [
    'a worker that is not needed any more is killed in its warm-up: it may hang, and has no request of a client',
    { generations: [generation(1, 'forking'), generation(2, 'forking')], workers: [...serving, young(3, 'warming')] },
    'kill 3',
  ],
  ['a ready worker is given to the gateway', { workers: [worker(1, 'ready'), worker(2, 'linked')] }, 'add 1'],
  [
    'a ready worker waits for a gateway that is not up',
    { hasGateway: false, workers: [worker(1, 'ready'), worker(2, 'ready')] },
    '',
  ],
  ['the first generation takes over when all serve', { serving: null, next: 1, workers: serving }, 'promote'],
  [
    'the first generation does not take over when one is missing',
    { serving: null, next: 1, workers: [worker(1, 'linked'), worker(2, 'linking')] },
    '',
    9_999,
  ],
  ['a dead worker is replaced', { workers: [worker(1, 'linked')] }, 'fork 1'],
  [
    'a crash loop waits',
    { generations: [generation(1, 'forking', NOW + 700)], workers: [worker(1, 'linked')] },
    '',
    700,
  ],
  [
    'a crash loop forks again after the wait',
    { generations: [generation(1, 'forking', NOW)], workers: [worker(1, 'linked')] },
    'fork 1',
  ],
  ['one worker more', { wanted: 3, workers: serving }, 'fork 1'],
  ['one worker less: the newest drains', { wanted: 1, workers: serving }, 'drain 2'],
  [
    'one worker less: one that still imports is killed',
    { wanted: 1, workers: [worker(1, 'linked'), worker(2, 'starting')] },
    'kill 2',
  ],
  [
    'one worker less: one that is ready is stopped and not linked',
    { wanted: 1, workers: [worker(1, 'linked'), worker(2, 'ready')] },
    'stop 2',
  ],
  ['a drained worker is stopped', { workers: [...serving, worker(3, 'drained')] }, 'stop 3'],
  ['a draining worker has the graceful timeout', { workers: [...serving, worker(3, 'draining')] }, '', GRACEFUL - 1],
  [
    'a draining worker in a debugger is not killed, however long it drains',
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
    { workers: [worker(1, 'linked'), worker(2, 'linking', { since: NOW - 10_000 })] },
    'kill 2',
  ],
  [
    'a worker that has served and is late is replaced, but not killed: its threads may run requests of the gateway before',
    { workers: [worker(1, 'linked'), worker(2, 'linking', { since: NOW - 10_000, hasServed: true })] },
    'fork 1',
  ],
  [
    'the replacement of a late worker serves',
    {
      workers: [
        worker(2, 'linking', { since: NOW - 20_000, hasServed: true }),
        ...serving.slice(0, 1),
        worker(3, 'linked'),
      ],
    },
    '',
  ],
  [
    'a worker that has served is not late yet',
    { workers: [worker(1, 'linked'), worker(2, 'linking', { since: NOW - 9_000, hasServed: true })] },
    '',
    1_000,
  ],
  [
    'a late worker of an old generation goes',
    {
      serving: 2,
      generations: [generation(1, 'forking'), generation(2, 'forking')],
      workers: [worker(1, 'linking', { since: NOW - 20_000, hasServed: true }), young(2, 'linked'), young(3, 'linked')],
    },
    'drain 1',
  ],
  [
    'a worker whose threads stand in a debugger accepts links later',
    {
      workers: [worker(1, 'linked'), worker(2, 'linking', { since: NOW - 10_000, hasServed: true, isDebugged: true })],
    },
    '',
    NEVER,
  ],
  [
    'a stuck worker: the replacement first',
    { workers: [worker(1, 'linked', { fault: 'stuck', faultSince: NOW }), worker(2, 'linked')] },
    'fork 1',
    GRACEFUL,
  ],
  [
    'a stuck worker stays until the replacement serves',
    {
      workers: [worker(1, 'linked', { fault: 'stuck', faultSince: NOW }), worker(2, 'linked'), worker(3, 'linking')],
    },
    '',
    9_999,
  ],
  [
    'a stuck worker drains when the replacement serves',
    {
      workers: [worker(1, 'linked', { fault: 'stuck', faultSince: NOW }), worker(2, 'linked'), worker(3, 'linked')],
    },
    'drain 1',
  ],
  [
    'a stuck worker drains when no replacement came in time',
    {
      workers: [
        worker(1, 'linked', { fault: 'stuck', faultSince: NOW - GRACEFUL }),
        worker(2, 'linked'),
        worker(3, 'starting'),
      ],
    },
    'drain 1',
  ],
  [
    'a lost worker is replaced at once; it may be dying',
    { workers: [worker(1, 'linked', { fault: 'lost', faultSince: NOW }), worker(2, 'linked')] },
    'fork 1',
    500,
  ],
  [
    'a lost worker that did not die is stopped',
    {
      workers: [
        worker(1, 'linked', { fault: 'lost', faultSince: NOW - 500 }),
        worker(2, 'linked'),
        worker(3, 'starting'),
      ],
    },
    'stop 1',
  ],
  [
    'a worker that falls mute at its start is dying: its replacement is forked after its death is counted',
    { workers: [worker(1, 'starting', { fault: 'mute', faultSince: NOW - 10 }), worker(2, 'linked')] },
    '',
    490,
  ],
  [
    'a mute worker that imports is killed',
    {
      workers: [
        worker(1, 'starting', { fault: 'mute', faultSince: NOW - 500 }),
        ...[worker(2, 'linked'), worker(3, 'linked')],
      ],
    },
    'kill 1',
  ],
  [
    'a mute worker drains when the replacement serves',
    {
      workers: [
        worker(1, 'linked', { fault: 'mute', faultSince: NOW - 500 }),
        worker(2, 'linked'),
        worker(3, 'linked'),
      ],
    },
    'drain 1',
  ],
  ['no gateway: ready workers wait', { hasGateway: false, workers: [worker(1, 'ready'), worker(2, 'ready')] }, ''],
  ['reload: the new generation comes up beside the old one', { ...reload, workers: serving }, 'fork 2, fork 2'],
  [
    'reload: the old one replaces its dead meanwhile',
    { ...reload, workers: [worker(1, 'linked'), young(3, 'starting'), young(4, 'starting')] },
    'fork 1',
  ],
  [
    'reload: all new ones serve',
    { ...reload, workers: [...serving, young(3, 'linked'), young(4, 'linked')] },
    'promote',
  ],
  [
    'reload: a new generation that wants fewer is complete with fewer, and the old one keeps its own',
    { ...fewer, workers: [worker(1, 'linked'), young(3, 'linked')] },
    'promote',
  ],
  ['reload: meanwhile each has as many as it wants', { ...fewer, workers: [worker(1, 'linked')] }, 'fork 1, fork 2'],
  [
    'reload: a generation gives up surplus workers before it takes over',
    { ...fewer, workers: [...serving, young(3, 'linked'), young(4, 'linking')] },
    'drain 4',
  ],
  [
    'after a reload: the old workers drain',
    { ...reload, serving: 2, next: null, workers: [...serving, young(3, 'linked'), young(4, 'linked')] },
    'drain 1, drain 2',
  ],
  [
    'after a reload: the old preloader ends when its last worker has gone',
    { ...reload, serving: 2, next: null, workers: [young(3, 'linked'), young(4, 'linked')] },
    'end-preloader 1',
  ],
  [
    'a reload is given up: its workers go',
    { ...reload, next: null, workers: [...serving, young(3, 'starting'), young(4, 'linked')] },
    'kill 3, drain 4',
  ],
  [
    'the preloader died: a new generation, the workers serve on',
    { generations: [generation(1, 'gone')], workers: serving },
    'new-generation',
  ],
  [
    'the preloader died: nothing is forked from it',
    { generations: [generation(1, 'gone'), generation(2, 'loading')], next: 2, workers: [worker(1, 'linked')] },
    '',
  ],
  [
    'preloaders die again and again: wait',
    { generations: [generation(1, 'gone')], nextNotBefore: NOW + 4000, workers: serving },
    '',
    4000,
  ],
]

for (const row of TABLE) test(`plan: ${row[0]}`, () => checkPlan(row))
