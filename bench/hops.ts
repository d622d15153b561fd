/**
 * Proxies with one server behind them, which Jumak is compared with as a proxy: each with one worker or thread, no access log, and as many idle
 * connections to the server as Jumak keeps by itself.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NGINX, nginxBefore } from './nginx.ts'
import { CADDY, caddyBefore, HAPROXY, haproxyBefore } from './proxies.ts'
import type { Place, Stack } from './stacks.ts'

/** Jumak with nothing but the site: no application, no worker. `more`: options of its command line. */
export function ourHop(program: string, { port, innerPort, directory }: Place, more: readonly string[]): string[] {
  const file = join(directory, 'jumak.toml')
  writeFileSync(
    file,
    `bind = "127.0.0.1:${port}"
log-level = "warn"
[[upstream]]
name = "back"
servers = ["127.0.0.1:${innerPort}"]
[[site]]
locations = [{ match = "/", proxy = "http://back" }]
`,
  )
  return [program, '-c', file, ...more]
}

/** nginx as it streams content, which is what the others do by themselves. */
const STREAMED = 'proxy_request_buffering off; client_max_body_size 0;'

export const HOPS: readonly Stack[] = [
  hop('nginx', NGINX, (server, place) => nginxBefore(server, 'http', place, 'http1', null, STREAMED)),
  hop('haproxy', HAPROXY, haproxyBefore),
  hop('caddy', CADDY, caddyBefore),
]

function hop(name: string, program: string, before: (server: string, place: Place) => string[]): Stack {
  return {
    ...{ name, needs: [program], interfaces: ['proxy'], keepsAlive: true, loads: null, speaksTls: false, http2: 'no' },
    commands: (_scene, _workers, place) => [before(`127.0.0.1:${place.innerPort}`, place)],
  }
}
