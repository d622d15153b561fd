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
  readonly interface: 'wsgi' | 'asgi'
}

const WSGI_SCENES = [
  { name: 'hello', app: 'plain:hello', what: '13 bytes from a bare WSGI callable' },
  { name: '10kb', app: 'plain:ten_kilobytes', what: '10 KiB from a bare WSGI callable' },
  { name: 'flask', app: 'flask_app:app', what: 'a Flask view' },
  { name: 'django', app: 'django_app:application', what: 'a Django page: middleware, template, ORM' },
]

const ASGI_SCENES = [
  { name: 'asgi-hello', app: 'asgi_plain:hello', what: '13 bytes from a bare ASGI callable' },
  { name: 'asgi-10kb', app: 'asgi_plain:ten_kilobytes', what: '10 KiB from a bare ASGI callable' },
  { name: 'fastapi', app: 'fastapi_app:app', what: 'a FastAPI view that answers JSON' },
]

export const SCENES: readonly Scene[] = [
  ...WSGI_SCENES.map(scene => ({ ...scene, interface: 'wsgi' as const })),
  ...ASGI_SCENES.map(scene => ({ ...scene, interface: 'asgi' as const })),
]

export interface Stack {
  readonly name: string
  /** Program in the bench's virtual environment, or an absolute path. */
  readonly program: string
  readonly args: (app: string, port: number) => readonly string[]
  /** What it serves here. */
  readonly interfaces: readonly Scene['interface'][]
}

export const STACKS: readonly Stack[] = [
  {
    name: 'jumak',
    interfaces: ['wsgi', 'asgi'],
    program: join(ROOT, 'bin/jumak'),
    args: (app, port) => ['-b', `127.0.0.1:${port}`, '-w', '1', '--python', venv('python'), '--log-level', 'warn', app],
  },
  {
    name: 'gunicorn sync',
    interfaces: ['wsgi'],
    program: venv('gunicorn'),
    args: (app, port) => ['-b', `127.0.0.1:${port}`, app],
  },
  {
    name: 'gunicorn gthread',
    interfaces: ['wsgi'],
    program: venv('gunicorn'),
    args: (app, port) => ['-b', `127.0.0.1:${port}`, '-k', 'gthread', '--threads', '4', '--keep-alive', '75', app],
  },
  {
    name: 'uwsgi http-socket',
    interfaces: ['wsgi'],
    program: venv('uwsgi'),
    args: (app, port) => ['--http-socket', `127.0.0.1:${port}`, '--disable-logging', '--master', '--wsgi', app],
  },
  {
    name: 'uwsgi http',
    interfaces: ['wsgi'],
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
    interfaces: ['wsgi'],
    program: venv('granian'),
    args: (app, port) =>
      `--interface wsgi --host 127.0.0.1 --port ${port} --http 1 --no-ws --backlog 2048 --blocking-threads 1 --log-level warning ${app}`.split(
        ' ',
      ),
  },
  {
    name: 'uvicorn',
    interfaces: ['asgi'],
    program: venv('uvicorn'),
    args: (app, port) =>
      `--port ${port} --loop uvloop --http httptools --no-access-log --log-level warning ${app}`.split(' '),
  },
  {
    name: 'granian asgi',
    interfaces: ['asgi'],
    program: venv('granian'),
    args: (app, port) =>
      `--interface asgi --host 127.0.0.1 --port ${port} --http 1 --no-ws --loop uvloop --log-level warning ${app}`.split(
        ' ',
      ),
  },
]

/** What `--install` installs. gunicorn[fast] is its own advice for the parser. */
export const PEERS: readonly string[] = [
  'gunicorn[fast]',
  'uwsgi',
  'granian',
  'uvicorn[standard]',
  'flask',
  'django',
  'fastapi',
]

export function venv(program: string): string {
  return join(BENCH_VENV, 'bin', program)
}

export function isInstalled(stack: Stack): boolean {
  return existsSync(stack.program)
}
