/**
 * nginx and Jumak with the same sites, the same files and the same requests. nginx's applications are a server here that says what the path
 * was; Jumak's is `echo.py`, which says the same.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type Server as HttpServer, request as sendRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { accepts } from '../support/free-port.ts'
import { USERS } from './access.ts'
import { FILES, MODIFIED } from './generate.ts'
import type { Case, SpecRequest } from './spec.ts'
import { toNginx } from './to-nginx.ts'

export interface Seen {
  readonly status: number
  readonly location: string
  /** Empty for a page that the server has made itself: there is one for each server. */
  readonly type: string
  readonly cacheControl: string
  readonly expires: boolean
  readonly added: string
  readonly challenge: string
  readonly body: string
}

export interface Difference {
  readonly index: number
  readonly request: SpecRequest
  readonly nginx: Seen
  readonly jumak: Seen
}

/** `directory`: of the configurations. */
export function writeUsers(directory: string): void {
  writeFileSync(join(directory, 'users'), USERS, { mode: 0o640 })
}

export function writeFiles(directory: string): void {
  for (const name of FILES) {
    const path = join(directory, name)
    mkdirSync(name.endsWith('/') ? path : join(path, '..'), { recursive: true })
    if (name.endsWith('/')) continue
    writeFileSync(path, `the file ${name}\n`)
    utimesSync(path, MODIFIED, MODIFIED)
  }
}

/** What `proxy_pass` goes to. */
export async function startEcho(): Promise<HttpServer> {
  const server = createServer((request, response) => {
    request.resume()
    const body = Buffer.from(String(request.headers['x-seen']), 'latin1')
    response.writeHead(200, { 'Content-Type': 'application/x-echo', 'Content-Length': body.length })
    response.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

export function portOf(server: HttpServer): number {
  return (server.address() as AddressInfo).port
}

/** Resolves when it accepts. Throws with nginx's own words if it does not start. */
export async function startNginx(
  program: string,
  cases: readonly Case[],
  place: { readonly port: number; readonly echo: number; readonly files: string; readonly directory: string },
): Promise<ChildProcess> {
  const file = join(place.directory, 'nginx.conf')
  writeFileSync(
    file,
    toNginx(
      cases.map(({ site }) => site),
      place,
    ),
  )
  return runNginx(program, file, place.port)
}

/** Resolves when it accepts on `port`. `file`: its configuration. */
export async function runNginx(program: string, file: string, port: number): Promise<ChildProcess> {
  const nginx = spawn(program, ['-e', 'stderr', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let words = ''
  nginx.stderr!.on('data', chunk => (words += String(chunk)))
  const ended = once(nginx, 'close').then(() => {
    throw new Error(`nginx has ended: ${words}`)
  })
  // Nobody may be waiting when it is stopped.
  ended.catch(() => {})
  while (!(await accepts(port))) {
    if (nginx.exitCode !== null) await ended
    // wait: until it accepts; it says nothing by itself
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return nginx
}

/** With the `jumak.toml` of `directory`. Resolves when it is ready. */
export async function runJumak(
  directory: string,
): Promise<{ readonly log: () => string; readonly stop: () => Promise<void> }> {
  const jumak = spawn(join(import.meta.dirname, '../../bin/jumak'), ['--access-log', 'off'], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const closed = once(jumak, 'close')
  let log = ''
  await new Promise<void>((resolve, reject) => {
    jumak.stderr!.on('data', chunk => {
      log += String(chunk)
      if (/ ready$/m.test(log)) resolve()
    })
    void closed.then(() => reject(new Error(log)))
  })
  return {
    log: () => log,
    stop: async () => {
      jumak.kill()
      await closed
    },
  }
}

export async function compare(cases: readonly Case[], nginx: number, jumak: number): Promise<Difference[]> {
  const differences: Difference[] = []
  for (const { site, requests } of cases)
    for (const request of requests) {
      const from = request.authorization === undefined ? '127.0.0.1' : nextAddress()
      const [theirs, ours] = await Promise.all([
        ask(nginx, site.name, request, from),
        ask(jumak, site.name, request, from),
      ])
      const [a, b] = alike(theirs, ours)
      try {
        assert.deepEqual(b, a)
      } catch {
        differences.push({ index: Number(site.name.slice(1, -5)), request, nginx: a, jumak: b })
      }
    }
  return differences
}

/** What differs on purpose, and is made the same before it is compared. */
function alike(nginx: Seen, jumak: Seen): [Seen, Seen] {
  const [theirs, ours] = [sameForm(nginx), sameForm(jumak)]
  const isOwnPage = /<center>nginx/.test(theirs.body) || (theirs.status >= 300 && theirs.body === '')
  // A blank that a rewrite has put into the query: nginx sends it to the application as it is, which is no HTTP.
  if (theirs.status === 400 && theirs.body === '' && jumak.type === 'application/x-echo') return [theirs, theirs]
  const isSame = theirs.status === ours.status
  if (!isSame || !(isOwnPage || theirs.status >= 300)) return [theirs, ours]
  const plain = (seen: Seen) =>
    isOwnPage ? { ...seen, body: '', type: '', cacheControl: without(seen.cacheControl) } : seen
  return [plain(theirs), plain(ours)]
}

function sameForm(seen: Seen): Seen {
  const location = seen.location
    // nginx sends a decoded path: a blank at its end is lost, and bytes above 0x7f are what the client makes of them.
    .replace(/%[0-9A-F]{2}/g, sequence => String.fromCharCode(Number.parseInt(sequence.slice(1), 16)))
    .trimEnd()
    // `//x` is another host to a browser.
    .replace(/^(https?:\/\/[^/]*)?\/\/+/, '$1/')
  // nginx leaves the question for a password in an error that came after it.
  const challenge = seen.status >= 500 ? '' : seen.challenge
  // There is no content for a type.
  return { ...seen, challenge, location, type: seen.body === '' ? '' : seen.type }
}

/** Our pages of errors say that nobody may keep them. */
function without(cacheControl: string): string {
  return cacheControl === 'no-store' ? '' : cacheControl
}

let asked = 0

/** A wrong password makes the next one of its address wait. */
function nextAddress(): string {
  asked++
  return `127.0.${1 + ((asked >> 8) % 250)}.${asked % 256}`
}

function ask(
  port: number,
  host: string,
  { method, target, authorization, referer, since }: SpecRequest,
  from: string,
): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const headers = {
      Host: host,
      ...(authorization === undefined ? {} : { Authorization: authorization }),
      ...(referer === undefined ? {} : { Referer: referer }),
      ...(since === undefined ? {} : { 'If-Modified-Since': since }),
    }
    const sent = sendRequest(
      { port, host: '127.0.0.1', localAddress: from, method, path: target, headers },
      response => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const { headers, statusCode = 0 } = response
          resolve({
            status: statusCode,
            location: (headers.location ?? '').replace(`:${port}/`, ':PORT/'),
            type: headers['content-type'] ?? '',
            cacheControl: headers['cache-control'] ?? '',
            expires: headers.expires !== undefined,
            added: String(headers['x-one'] ?? ''),
            challenge: headers['www-authenticate'] ?? '',
            body: Buffer.concat(chunks).toString('latin1'),
          })
        })
      },
    )
    sent.on('error', reject)
    sent.end()
  })
}
