/** gunicorn's section "Server Hooks": functions of its file. Pure. */
import { type AnyOption, refused, type Section } from '../option.ts'
import { callable } from '../shapes.ts'

const LEAVE_OUT = 'leave the function out of the file'

const hook = (name: string, doc: string, instead = LEAVE_OUT): AnyOption =>
  refused(name, { shape: callable(), doc }, `would be ${doc.charAt(0).toLowerCase()}${doc.slice(1, -1)}`, instead)

const IN_WORKER = 'name the function with JUMAK_POST_FORK=module:function, which each worker calls before it serves'

export const HOOKS: Section = {
  title: 'Server Hooks',
  options: [
    hook('on_starting', 'Called before the master begins.'),
    hook('on_reload', 'Called at HUP.'),
    hook('when_ready', 'Called when the server has started.'),
    hook('pre_fork', 'Called before a worker is forked.'),
    hook('post_fork', 'Called in a worker after its fork.', IN_WORKER),
    hook('post_worker_init', 'Called in a worker that has its application.', IN_WORKER),
    hook('worker_int', 'Called in a worker at INT or QUIT.'),
    hook('worker_abort', 'Called in a worker that took too long.'),
    hook('pre_exec', 'Called before a new master takes over.'),
    hook('pre_request', 'Called before each request.', 'write a middleware of the application'),
    hook('post_request', 'Called after each request.', 'write a middleware of the application'),
    hook('child_exit', 'Called in the master when a worker has ended.'),
    hook('worker_exit', 'Called in a worker that ends.', 'use atexit in the application'),
    hook('nworkers_changed', 'Called when the number of workers has changed.'),
    hook('on_exit', 'Called before the master ends.'),
    hook(
      'ssl_context',
      'Called to make the context of TLS.',
      'write JUMAK_TLS_MIN_VERSION or another setting of TLS, or [[tls]] of jumak.toml for several certificates',
    ),
  ],
}
