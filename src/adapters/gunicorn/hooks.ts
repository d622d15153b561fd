/** gunicorn's hooks: functions of its configuration file, which our processes call (`python/jumak_worker/hooks/`). Pure. */
import { type AnyOption, option } from '../option.ts'
import { callable } from '../shapes.ts'

/** Where each is called. */
const CALLED: Readonly<Record<string, string>> = {
  on_starting: 'in the preloader, before the application is imported',
  on_reload: 'in the preloader of the new generation, before the application is imported',
  when_ready: 'in the preloader, before the first worker is forked',
  pre_fork: 'in the preloader, before each fork of a worker',
  post_fork: 'in each worker, after the fork',
  post_worker_init: 'in each worker, when its application is loaded',
  pre_request: 'in the worker, before each request of a WSGI application',
  post_request: 'in the worker, after each request of a WSGI application',
  child_exit: 'in the preloader, when a worker has ended',
  worker_exit: 'in the worker, before it ends',
  on_exit: 'in the preloader, when the program stops',
}

/** Never called, and why. */
const NOT_CALLED: Readonly<Record<string, string>> = {
  worker_int:
    'is never called: workers here are told to stop by the master, and no signal of the terminal reaches them',
  worker_abort: 'is never called: the log has the stacks of a worker that is too late, which is killed then',
  nworkers_changed: 'is never called: the master changes the number of workers',
  pre_exec: 'is never called: an upgrade starts a new program, and the old one finishes (jumak upgrade)',
}

export const CALLED_HOOKS: ReadonlySet<string> = new Set(Object.keys(CALLED))

export const HOOKS: readonly AnyOption[] = [
  // The names are enough: `gunicorn.ts` hands those that are given to our processes.
  ...Object.entries(CALLED).map(([name, where]) =>
    option(name, [], callable(), { is: 'works', as: `Called ${where}.`, apply() {} }),
  ),
  ...Object.entries(NOT_CALLED).map(([name, why]) => option(name, [], callable(), { is: 'idle', why })),
  option('ssl_context', [], callable(), {
    is: 'refused',
    would: 'makes the context of TLS, which Python does not make here',
    instead: 'say what it does by the settings of TLS (`jumak --help`, section TLS)',
  }),
]
