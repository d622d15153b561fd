/**
 * A page of 20 KB that the servers themselves have in memory, and compress for each request: what compression costs, without an application and
 * without a disk. Each server has its own stack for each coding that it knows, at the level that is usual for pages.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NGINX, nginx } from './nginx.ts'
import { CADDY, caddy } from './proxies.ts'
import { jumak, type Place, ROOT, type Stack } from './stacks.ts'

/** nginx reads no longer words. */
const PART = 4000
const PARTS = 5

/** Rows of a table of goods, no two alike. No character of it means anything to a configuration. */
export function page(): string {
  const rows = Array.from(
    { length: 200 },
    (_, i) =>
      `<tr class=row-${i % 2}><td><a href=/goods/${(i * 7919) % 10_007}>Pear of ${1900 + ((i * 37) % 120)}</a></td><td>${(i * 613) % 997}.${i % 10}0 won</td><td>${['in store', 'sold out', 'ordered'][i % 3]}</td></tr>`,
  )
  return `<html><body><table>${rows.join(' ')}`.slice(0, PART * PARTS)
}

export const COMPRESSED: readonly Stack[] = [
  ...(['', 'gzip', 'br', 'zstd'] as const).map(coding =>
    stack(`jumak, ${coding || 'as it is'}`, jumak('', ROOT).needs, place => ourCommand(coding, place)),
  ),
  ...(['', 'gzip'] as const).map(coding =>
    stack(`nginx, ${coding || 'as it is'}`, [NGINX], place => nginxCommand(coding, place)),
  ),
  ...(['', 'gzip', 'zstd'] as const).map(coding =>
    stack(`caddy, ${coding || 'as it is'}`, [CADDY], place => caddyCommand(coding, place)),
  ),
]

function stack(name: string, needs: readonly string[], command: (place: Place) => string[]): Stack {
  return {
    ...{ name, needs, interfaces: ['compressed'], keepsAlive: true, loads: null, speaksTls: false, http2: 'no' },
    commands: (_scene, _workers, place) => [command(place)],
  }
}

function ourCommand(coding: string, { port, directory }: Place): string[] {
  const file = join(directory, 'jumak.toml')
  writeFileSync(
    file,
    `app = "plain:hello"
bind = "127.0.0.1:${port}"
workers = 1
log-level = "warn"
compress = ${coding === '' ? 'false' : `["${coding}"]`}
[[site]]
locations = [{ match = "/", return = "200 ${page()}", default-type = "text/html" }]
`,
  )
  return [join(ROOT, 'bin/jumak'), '-c', file]
}

function nginxCommand(coding: string, place: Place): string[] {
  const text = page()
  const parts = Array.from({ length: PARTS }, (_, i) => text.slice(i * PART, (i + 1) * PART))
  const names = parts.map((_, i) => `$part${i}`)
  const sets = parts.map((part, i) => `set ${names[i]} "${part}";`).join(' ')
  const gzip = coding === '' ? '' : 'gzip on; gzip_comp_level 1; gzip_vary on;'
  return nginx(
    place,
    `location / { ${sets} return 200 "${names.join('')}"; }`,
    `default_type text/html; ${gzip}`,
    'http1',
  )
}

function caddyCommand(coding: string, place: Place): string[] {
  return caddy(
    place,
    '',
    `http://:${place.port} {
  ${coding === '' ? '' : `encode ${coding === 'gzip' ? '{\n    gzip 1\n  }' : coding}`}
  header Content-Type text/html
  respond "${page()}"
}
`,
  )
}
