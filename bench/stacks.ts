/** The servers that are compared, with the command lines their own documents advise. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Scene } from './scenes.ts'

export const ROOT: string = join(import.meta.dirname, '..')
/** Peers and frameworks live here; `npm run bench -- --install` makes it. */
export const BENCH_VENV: string = join(ROOT, '.cache/bench-venv')

/** Where a stack listens, and a directory of its own for configuration and sockets. */
export interface Place {
  readonly port: number
  readonly directory: string
}

export interface Stack {
  readonly name: string
  /** What it serves here. */
  readonly interfaces: readonly Scene['interface'][]
  /** Absolute paths. */
  readonly needs: readonly string[]
  /** Command lines, started together; the first one is asked to end. */
  readonly commands: (scene: Scene, place: Place) => readonly (readonly string[])[]
}

const NGINX = '/usr/sbin/nginx'

const words = (text: string) => text.split(' ')

/** A server that is one program. `line`: its arguments, where `{at}` is the address. */
function peer(name: string, program: string, interfaces: Stack['interfaces'], line: (scene: Scene) => string): Stack {
  return {
    name,
    interfaces,
    needs: [venv(program)],
    commands: (scene, { port }) => [[venv(program), ...words(line(scene).replace('{port}', String(port))), scene.app]],
  }
}

/** The same on a Unix socket behind nginx, which keeps its connections to it open. */
function behindNginx(
  name: string,
  program: string,
  interfaces: Stack['interfaces'],
  line: (scene: Scene) => string,
): Stack {
  return {
    name: `nginx + ${name}`,
    interfaces,
    needs: [NGINX, venv(program)],
    commands: (scene, place) => {
      const socket = join(place.directory, 'app.sock')
      const config = join(place.directory, 'nginx.conf')
      writeFileSync(config, nginxConfig(place, socket, program === 'uwsgi'))
      return [
        [NGINX, '-e', 'stderr', '-c', config],
        [venv(program), ...words(line(scene).replace('{socket}', socket)), scene.app],
      ]
    },
  }
}

function nginxConfig({ port, directory }: Place, socket: string, isUwsgi: boolean): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  for (const name of temporary) mkdirSync(join(directory, name), { recursive: true })
  const pass = isUwsgi
    ? 'include /etc/nginx/uwsgi_params; uwsgi_pass app;'
    : `proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection $connection_upgrade;
       proxy_set_header Upgrade $http_upgrade; proxy_set_header Host $host;`
  // Its workers must reach the socket in our directory.
  const user = process.getuid?.() === 0 ? 'user root; ' : ''
  return `${user}daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000;
  ${temporary.map(name => `${name}_temp_path ${directory}/${name};`).join(' ')}
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream app { server unix:${socket}; keepalive 64; }
  server { listen 127.0.0.1:${port}; location / { ${pass} } }
}
`
}

const LOCAL = '--host 127.0.0.1 --port {port}'
const QUIET_UVICORN = '--loop uvloop --no-access-log --log-level warning'

export const STACKS: readonly Stack[] = [
  {
    name: 'jumak',
    interfaces: ['wsgi', 'asgi', 'websocket'],
    needs: [join(ROOT, 'bin/jumak')],
    commands: ({ app }, { port }) => [
      [
        join(ROOT, 'bin/jumak'),
        '-b',
        `127.0.0.1:${port}`,
        '-w',
        '1',
        '--python',
        venv('python'),
        '--log-level',
        'warn',
        app,
      ],
    ],
  },
  peer('gunicorn sync', 'gunicorn', ['wsgi'], () => '-b 127.0.0.1:{port}'),
  peer('gunicorn gthread', 'gunicorn', ['wsgi'], () => '-b 127.0.0.1:{port} -k gthread --threads 4 --keep-alive 75'),
  peer(
    'uwsgi http-socket',
    'uwsgi',
    ['wsgi'],
    () => '--http-socket 127.0.0.1:{port} --disable-logging --master --wsgi',
  ),
  peer(
    'uwsgi http',
    'uwsgi',
    ['wsgi'],
    () => '--http 127.0.0.1:{port} --http-keepalive --disable-logging --master --wsgi',
  ),
  peer(
    'granian',
    'granian',
    ['wsgi'],
    () => `--interface wsgi ${LOCAL} --http 1 --no-ws --backlog 2048 --blocking-threads 1 --log-level warning`,
  ),
  peer('uvicorn', 'uvicorn', ['asgi', 'websocket'], () => `${LOCAL} --http httptools ${QUIET_UVICORN}`),
  peer('uvicorn zttp', 'uvicorn', ['asgi'], () => `${LOCAL} --http zttp ${QUIET_UVICORN}`),
  peer(
    'granian asgi',
    'granian',
    ['asgi', 'websocket'],
    scene =>
      `--interface asgi ${LOCAL} --http 1 --${scene.interface === 'websocket' ? '' : 'no-'}ws --backlog 2048 --loop uvloop --log-level warning`,
  ),
  behindNginx('gunicorn sync', 'gunicorn', ['wsgi'], () => '-b unix:{socket}'),
  behindNginx(
    'uwsgi',
    'uwsgi',
    ['wsgi'],
    () => '--socket {socket} --chmod-socket=666 --disable-logging --master --wsgi',
  ),
  behindNginx('uvicorn', 'uvicorn', ['asgi', 'websocket'], () => `--uds {socket} --http httptools ${QUIET_UVICORN}`),
]

/** What `--install` installs. gunicorn[fast] is its own advice for the parser. */
export const PEERS: readonly string[] = [
  'gunicorn[fast]',
  'uwsgi',
  'granian',
  'uvicorn[standard]',
  'zttp',
  'flask',
  'django',
  'fastapi',
]

export function venv(program: string): string {
  return join(BENCH_VENV, 'bin', program)
}

/** What is missing of it; null: nothing. */
export function missingOf(stack: Stack): string | null {
  return stack.needs.find(path => !existsSync(path)) ?? null
}
