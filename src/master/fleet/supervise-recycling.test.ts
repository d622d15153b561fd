import { test } from 'node:test'
import { checkPlan, due, GRACEFUL, generation, NOW, type Row, reload, worker, young } from './testing/worlds.ts'

const TABLE: readonly Row[] = [
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
]

for (const row of TABLE) test(`plan: ${row[0]}`, () => checkPlan(row))
