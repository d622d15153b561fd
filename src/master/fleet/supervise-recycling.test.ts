import { test } from 'node:test'
import { checkPlan, due, GRACEFUL, generation, NOW, type Row, reload, worker, young } from './testing/states.ts'

const TABLE: readonly Row[] = [
  [
    'recycling: first the replacement, only for the worker that is due for longest',
    { workers: [due(1, 5), due(2, 9)] },
    'fork 1',
  ],
  ['recycling: workers that are not due yet stay', { workers: [due(1, -70), due(2, -50)] }, '', 50],
  [
    'recycling: a worker serves until its replacement does',
    { workers: [due(1, 5), due(2, 9), worker(3, 'linking')] },
    '',
    9_999,
  ],
  [
    'recycling: the one that is due for longest goes when the replacement serves',
    { workers: [due(1, 5), due(2, 9), worker(3, 'linked')] },
    'recycle 2',
  ],
  [
    'recycling: the next one waits until the first has gone',
    { workers: [due(1, 5), due(2, 9, 'draining'), worker(3, 'linked')] },
    '',
    GRACEFUL - 1,
  ],
  ['recycling: then it is the turn of the next one', { workers: [due(1, 5), worker(3, 'linked')] }, 'fork 1'],
  [
    'recycling: a crash of another comes first',
    { workers: [due(1, 5), worker(3, 'linked')], wanted: 3 },
    'fork 1, fork 1',
  ],
  [
    'recycling: no dip when another one crashes while the replacement serves',
    { workers: [due(1, 5), worker(3, 'linked')] },
    'fork 1',
  ],
  [
    'recycling: the replacement crashed, in a loop: the old one serves on',
    { workers: [due(1, 5), worker(2, 'linked')], generations: [generation(1, 'forking', NOW + 700)] },
    '',
    700,
  ],
  [
    'recycling: the old one crashed: its replacement is there already',
    { workers: [worker(2, 'linked'), worker(3, 'starting')] },
    '',
  ],
  [
    'recycling waits for a reload, which replaces all',
    { ...reload, workers: [due(1, 5), worker(2, 'linked'), young(3, 'starting'), young(4, 'starting')] },
    '',
  ],
  [
    'recycling: a reload kills the replacement',
    {
      ...reload,
      workers: [due(1, 5), worker(2, 'linked'), worker(3, 'starting'), ...[young(4, 'starting'), young(5, 'starting')]],
    },
    'kill 3',
  ],
  [
    'recycling: nothing is forked for a worker that still imports',
    { workers: [due(1, 5, 'starting'), worker(2, 'linked')] },
    '',
  ],
  [
    'recycling: a worker at fault is replaced for its fault',
    { workers: [due(1, 5, 'linked', { fault: 'stuck', faultSince: NOW }), worker(2, 'linked')] },
    'fork 1',
    GRACEFUL,
  ],
  [
    'recycling: one worker less, so no replacement is needed',
    { wanted: 1, workers: [due(1, 5), worker(2, 'linked'), worker(3, 'linked')] },
    'drain 3, recycle 1',
  ],
  [
    'recycling without a preloader: the new generation replaces them',
    { generations: [generation(1, 'gone')], workers: [due(1, 5), worker(2, 'linked')] },
    'new-generation',
  ],
]

for (const row of TABLE) test(`plan: ${row[0]}`, () => checkPlan(row))
