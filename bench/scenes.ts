/** What the servers of the bench are asked to do. */

export interface Scene {
  readonly name: string
  /** `module:attribute` under bench/apps. */
  readonly app: string
  readonly what: string
  readonly interface: 'wsgi' | 'asgi' | 'websocket'
  /** What makes the load: a Lua script for wrk, or messages over WebSockets. */
  readonly load: 'differing.lua' | 'upload.lua' | 'echo' | 'broadcast'
  /** Unless the command line says otherwise. */
  readonly connections: number
}

const get = (name: string, app: string, kind: 'wsgi' | 'asgi', what: string): Scene => ({
  ...{ name, app, what, interface: kind, load: 'differing.lua', connections: 64 },
})

export const SCENES: readonly Scene[] = [
  get('hello', 'plain:hello', 'wsgi', '13 bytes from a bare WSGI callable'),
  get('10kb', 'plain:ten_kilobytes', 'wsgi', '10 KiB from a bare WSGI callable'),
  get('flask', 'flask_app:app', 'wsgi', 'a Flask view'),
  get('django', 'django_app:application', 'wsgi', 'a Django page: middleware, template, ORM'),
  get('asgi-hello', 'asgi_plain:hello', 'asgi', '13 bytes from a bare ASGI callable'),
  get('asgi-10kb', 'asgi_plain:ten_kilobytes', 'asgi', '10 KiB from a bare ASGI callable'),
  {
    ...get('asgi-echo', 'asgi_plain:echo', 'asgi', '10 KiB of content read and sent back'),
    load: 'upload.lua',
  },
  {
    ...get('asgi-10ms', 'asgi_plain:ten_milliseconds', 'asgi', 'an ASGI callable that waits for 10 ms'),
    connections: 512,
  },
  get('fastapi', 'fastapi_app:app', 'asgi', 'a FastAPI view that answers JSON'),
  {
    ...{ name: 'ws-echo', app: 'asgi_plain:ws_echo', what: 'each message of 32 clients is sent back' },
    ...{ interface: 'websocket', load: 'echo', connections: 32 },
  },
  {
    ...{ name: 'ws-broadcast', app: 'asgi_plain:ws_broadcast', what: 'each message is sent to all of 32 clients' },
    ...{ interface: 'websocket', load: 'broadcast', connections: 32 },
  },
]
