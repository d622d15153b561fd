/** The servers that are compared, with the command lines their own documents advise, and the scenes they serve. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT: string = join(import.meta.dirname, '..')
/** Peers and frameworks live here; `npm run bench -- --install` makes it. */
export const BENCH_VENV: string = join(ROOT, '.cache/bench-venv')

export interface Scene {
  readonly name: string
  /** `module:attribute` under bench/apps. */
  readonly app: string
  readonly what: string
}

export const SCENES: readonly Scene[] = [
  { name: 'hello', app: 'plain:hello', what: '13 bytes from a bare WSGI callable' },
  { name: '10kb', app: 'plain:ten_kilobytes', what: '10 KiB from a bare WSGI callable' },
  { name: 'flask', app: 'flask_app:app', what: 'a Flask view' },
  { name: 'django', app: 'django_app:application', what: 'a Django page: middleware, template, ORM' },
]

export interface Stack {
  readonly name: string
  /** Program in the bench's virtual environment, or an absolute path. */
  readonly program: string
  readonly args: (app: string, port: number) => readonly string[]
}

export const STACKS: readonly Stack[] = [
  {
    name: 'jumak',
    program: join(ROOT, 'bin/jumak'),
    args: (app, port) => ['-b', `127.0.0.1:${port}`, '-w', '1', '--python', venv('python'), '--log-level', 'warn', app],
  },
  { name: 'gunicorn sync', program: venv('gunicorn'), args: (app, port) => ['-b', `127.0.0.1:${port}`, app] },
  {
    name: 'gunicorn gthread',
    program: venv('gunicorn'),
    args: (app, port) => ['-b', `127.0.0.1:${port}`, '-k', 'gthread', '--threads', '4', '--keep-alive', '75', app],
  },
  {
    name: 'uwsgi http-socket',
    program: venv('uwsgi'),
    args: (app, port) => ['--http-socket', `127.0.0.1:${port}`, '--disable-logging', '--master', '--wsgi', app],
  },
  {
    name: 'uwsgi http',
    program: venv('uwsgi'),
    args: (app, port) => [
      '--http',
      `127.0.0.1:${port}`,
      '--http-keepalive',
      '--disable-logging',
      '--master',
      '--wsgi',
      app,
    ],
  },
  {
    name: 'granian',
    program: venv('granian'),
    args: (app, port) =>
      `--interface wsgi --host 127.0.0.1 --port ${port} --http 1 --no-ws --backlog 2048 --blocking-threads 1 --log-level warning ${app}`.split(
        ' ',
      ),
  },
]

/** What `--install` installs. gunicorn[fast] is its own advice for the parser. */
export const PEERS: readonly string[] = ['gunicorn[fast]', 'uwsgi', 'granian', 'flask', 'django']

export function venv(program: string): string {
  return join(BENCH_VENV, 'bin', program)
}

export function isInstalled(stack: Stack): boolean {
  return existsSync(stack.program)
}
