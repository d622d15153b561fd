/** gunicorn's sections about dirty workers: processes for long tasks, beside those for requests. Pure. */
import { type AnyOption, idle, refused, type Section } from '../option.ts'
import { callable, list, wholeNumber } from '../shapes.ts'

const ONLY_WITH_THEM = 'does nothing: there are no dirty applications'

const hook = (name: string, doc: string): AnyOption => idle(name, { shape: callable(), doc }, ONLY_WITH_THEM)

const number = (name: string, standard: number, doc: string): AnyOption =>
  idle(
    name,
    { flags: [`--${name.replaceAll('_', '-')}`], shape: wholeNumber(), standard: `${standard}`, doc },
    ONLY_WITH_THEM,
  )

export const DIRTY: readonly Section[] = [
  {
    title: 'Dirty Arbiters',
    options: [
      refused(
        'dirty_apps',
        {
          flags: ['--dirty-app'],
          shape: list(),
          standard: '[]',
          doc: 'Application for long tasks, in workers of its own; repeatable.',
        },
        'would run long tasks in processes of their own',
        'use a task queue (Celery, RQ), or a pool of workers for slow paths ([[app.pool]] of jumak.toml)',
      ),
      number('dirty_workers', 0, 'Dirty workers.'),
      number('dirty_timeout', 300, 'Seconds that a task may take.'),
      number('dirty_threads', 1, 'Threads of each dirty worker.'),
      number('dirty_graceful_timeout', 30, 'Seconds that a running task has when the program stops.'),
    ],
  },
  {
    title: 'Dirty Arbiter Hooks',
    options: [
      hook('on_dirty_starting', 'Called before the process of dirty workers begins.'),
      hook('dirty_post_fork', 'Called in a dirty worker after its fork.'),
      hook('dirty_worker_init', 'Called in a dirty worker that has its applications.'),
      hook('dirty_worker_exit', 'Called when a dirty worker has ended.'),
    ],
  },
]
