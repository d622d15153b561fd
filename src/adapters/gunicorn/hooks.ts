/** gunicorn's section "Server Hooks": functions of its file, which our processes call (`python/jumak_worker/hooks/`). Pure. */
import { type AnyOption, idle, refused, type Section, works } from '../option.ts'
import { callable } from '../shapes.ts'

const called = (name: string, doc: string, where: string): AnyOption =>
  // Who evaluates the file has the function. Its name is enough for us.
  works(name, { shape: callable(), doc }, `called ${where}`, () => {})

const neverCalled = (name: string, doc: string, why: string): AnyOption =>
  idle(name, { shape: callable(), doc }, `does nothing: ${why}`)

export const HOOKS: Section = {
  title: 'Server Hooks',
  options: [
    called('on_starting', 'Called before the master begins.', 'in the preloader, before the application is imported'),
    called('on_reload', 'Called at HUP.', 'in the new preloader, before the application is imported'),
    called('when_ready', 'Called when the server has started.', 'in the preloader, before the first worker is forked'),
    called('pre_fork', 'Called before a worker is forked.', 'in the preloader'),
    called('post_fork', 'Called in a worker after its fork.', 'there as well'),
    called('post_worker_init', 'Called in a worker that has its application.', 'there as well'),
    neverCalled(
      'worker_int',
      'Called in a worker at INT or QUIT.',
      'the master tells workers to stop, and no signal of the terminal reaches them',
    ),
    neverCalled(
      'worker_abort',
      'Called in a worker that took too long.',
      'such a worker is killed, and the log has what it was doing',
    ),
    neverCalled(
      'pre_exec',
      'Called before a new master takes over.',
      'an upgrade starts a new program (jumak upgrade)',
    ),
    called('pre_request', 'Called before each request.', 'in the worker, for a WSGI application'),
    called('post_request', 'Called after each request.', 'in the worker, for a WSGI application'),
    called('child_exit', 'Called in the master when a worker has ended.', 'in the preloader'),
    called('worker_exit', 'Called in a worker that ends.', 'there as well'),
    neverCalled(
      'nworkers_changed',
      'Called when the number of workers has changed.',
      'the preloader, where it would run, does not know that number',
    ),
    called('on_exit', 'Called before the master ends.', 'in the preloader, when the program stops'),
    refused(
      'ssl_context',
      { shape: callable(), doc: 'Called to make the context of TLS.' },
      'would make the context, and TLS is not made in Python here',
      'write JUMAK_TLS_MIN_VERSION or another setting of TLS, or [[tls]] of jumak.toml for several certificates',
    ),
  ],
}

/** Names of those that are called. */
export const CALLED_HOOKS: ReadonlySet<string> = new Set(
  HOOKS.options.filter(({ answer }) => answer.is === 'works').map(({ name }) => name),
)
