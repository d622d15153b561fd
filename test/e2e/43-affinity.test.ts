/** `--affinity`: with four workers a client's requests go to one of them, over HTTP, server-sent events, WebSockets and Socket.IO. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { APPS } from '../support/paths.ts'
import { type Server, startServer, until } from '../support/server.ts'

const skip = await whyNoPython()
const WORKERS = 4

function keyFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-affinity-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return join(directory, 'key')
}

function start(affinity: string, key: string, ...args: string[]): Promise<Server> {
  const all = ['--workers', String(WORKERS), '--affinity', affinity, '--affinity-key', key, ...args]
  return startServer({ app: 'sessions:application', directory: APPS, args: all })
}

/** A client that keeps its cookie, as a browser does. */
class Browser {
  cookie: string
  cookies = 0
  readonly #server: () => Server
  readonly #headers: Readonly<Record<string, string>>

  /** `headers`: of each request. */
  constructor(server: () => Server, cookie = '', headers: Readonly<Record<string, string>> = {}) {
    this.#server = server
    this.#headers = headers
    this.cookie = cookie
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...this.#headers, ...(this.cookie !== '' && { cookie: this.cookie }) }
    const response = await fetch(this.#server().url + path, { ...init, headers: { ...headers, ...init.headers } })
    for (const line of response.headers.getSetCookie()) {
      assert.match(line, /^jumak-home=[\w.-]+; Path=\/; HttpOnly; SameSite=Lax$/)
      this.cookie = line.slice(0, line.indexOf(';'))
      this.cookies++
    }
    return response
  }

  async pid(path = '/pid'): Promise<number> {
    return ((await (await this.fetch(path)).json()) as { pid: number }).pid
  }

  /** The process that answers a WebSocket. */
  async socketPid(): Promise<number> {
    const headers = this.cookie === '' ? {} : { cookie: this.cookie }
    // biome-ignore lint/suspicious/noExplicitAny: Node's WebSocket takes headers, which its type does not say.
    const socket = new WebSocket(`${this.#server().url.replace('http', 'ws')}/ws`, { headers } as any)
    const message = await new Promise<string>((resolve, reject) => {
      socket.onmessage = event => resolve(String(event.data))
      socket.onerror = () => reject(new Error('the WebSocket failed'))
    })
    socket.close()
    return Number(message)
  }
}

test('cookie: HTTP and WebSocket of a client are in one process, and clients are in several', { skip }, async t => {
  const server = await start('cookie', keyFile(t))
  const browsers = Array.from({ length: 8 }, () => new Browser(() => server))
  const pids = new Set<number>()
  for (const browser of browsers) {
    const pid = await browser.pid()
    pids.add(pid)
    for (let i = 0; i < 5; i++) assert.equal(await browser.pid(), pid)
    assert.equal(await browser.socketPid(), pid)
    assert.equal(browser.cookies, 1, 'one cookie is enough')
  }
  assert.equal(pids.size, WORKERS, 'new clients take turns')
  await server.stop()
})

test('sessions that live in a process work over server-sent events, for clients at the same time', {
  skip,
}, async t => {
  const server = await start('cookie', keyFile(t))
  await Promise.all(
    Array.from({ length: 12 }, async (_, i) => {
      const browser = new Browser(() => server)
      const path = `session=s${i}`
      for (let step = 0; step < 4; step++) {
        assert.equal((await browser.fetch(`/join?${path}`, { method: 'POST' })).status, 200)
        const events = await (await browser.fetch(`/data?${path}`)).text()
        const steps = events.match(/"step": (\d)/g)?.length
        assert.equal(steps, step + 1, events)
      }
    }),
  )
  await server.stop()
})

test('cookie: a worker is killed, its client moves to another one and stays there, others do not move', {
  skip,
}, async t => {
  const server = await start('cookie', keyFile(t))
  const browsers = Array.from({ length: WORKERS }, () => new Browser(() => server))
  const pids = await Promise.all(browsers.map(browser => browser.pid()))
  server.expectLog(/worker \d+ \(process \d+\) was killed by SIGKILL/)
  const killed = pids[0]!
  process.kill(killed, 'SIGKILL')
  await until(
    () => server.workers().every(({ pid }) => pid !== killed) && server.workers().length === WORKERS,
    () => 'the worker was not replaced',
  )
  const after = await browsers[0]!.pid()
  assert.notEqual(after, killed)
  for (let i = 0; i < 3; i++) assert.equal(await browsers[0]!.pid(), after)
  assert.equal(await browsers[0]!.socketPid(), after)
  for (const [i, browser] of browsers.entries()) if (pids[i] !== killed) assert.equal(await browser.pid(), pids[i])
  await server.stop()
})

test('cookie: a reload moves all clients to new workers', { skip }, async t => {
  const server = await start('cookie', keyFile(t))
  const browsers = Array.from({ length: 6 }, () => new Browser(() => server))
  const old = new Set(await Promise.all(browsers.map(browser => browser.pid())))
  const from = server.log.length
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/, from)
  await until(
    () => server.workers().every(({ pid }) => !old.has(pid)),
    () => 'old workers are left',
  )
  for (const browser of browsers) {
    const pid = await browser.pid()
    assert.ok(!old.has(pid))
    for (let i = 0; i < 3; i++) assert.equal(await browser.pid(), pid)
  }
  await server.stop()
})

test('cookie: it is still accepted after a restart of the program', { skip }, async t => {
  const key = keyFile(t)
  let server = await start('cookie', key)
  const browser = new Browser(() => server)
  await browser.pid()
  const { cookie } = browser
  const bytes = readFileSync(key)
  await server.stop()
  server = await start('cookie', key)
  assert.ok(readFileSync(key).equals(bytes))
  const pid = await browser.pid()
  for (let i = 0; i < 3; i++) assert.equal(await browser.pid(), pid)
  assert.equal(browser.cookie.split('.')[2], cookie.split('.')[2], 'it is the same client')
  assert.equal(browser.cookies, 1, 'a worker of that number is there, so the cookie is as good as before')
  const stranger = new Browser(
    () => server,
    cookie.replace(/.$/, last => (last === 'A' ? 'Q' : 'A')),
  )
  await stranger.pid()
  assert.equal(stranger.cookies, 1)
  await server.stop()
})

test('cookie: the gateway is killed, and clients keep their workers', { skip }, async t => {
  const server = await start('cookie', keyFile(t))
  // On connections of their own: the next request must not go to one that the dead gateway has left.
  const browsers = Array.from({ length: 6 }, () => new Browser(() => server, '', { connection: 'close' }))
  const pids = await Promise.all(browsers.map(browser => browser.pid()))
  server.expectLog(/gateway.* was killed by SIGKILL/)
  const gateway = server.gateway().pid
  process.kill(gateway, 'SIGKILL')
  await until(
    () => server.processes().some(one => /gateway\/main/.test(one.command) && one.pid !== gateway),
    () => 'no new gateway',
  )
  assert.deepEqual(await Promise.all(browsers.map(browser => browser.pid())), pids)
  await server.stop()
})

test('header and address: clients without cookies', { skip }, async t => {
  const byHeader = await start('header:X-Session', keyFile(t))
  const pids = new Set<number>()
  for (let i = 0; i < 16; i++) {
    const init = { headers: { 'x-session': `client ${i}` } }
    const ask = async () => {
      const response = await fetch(`${byHeader.url}/pid`, init)
      assert.deepEqual(response.headers.getSetCookie(), [])
      return ((await response.json()) as { pid: number }).pid
    }
    const pid = await ask()
    pids.add(pid)
    assert.equal(await ask(), pid)
  }
  assert.ok(pids.size > 1)
  await byHeader.stop()

  const byAddress = await start(
    'address',
    keyFile(t),
    '--trusted-proxies',
    '127.0.0.1',
    '--forwarded-headers',
    'x-forwarded-for',
  )
  const homes = new Set<number>()
  for (let i = 0; i < 16; i++) {
    const headers = { 'x-forwarded-for': `198.51.100.${i}` }
    const ask = async () => ((await (await fetch(`${byAddress.url}/pid`, { headers })).json()) as { pid: number }).pid
    const pid = await ask()
    homes.add(pid)
    assert.equal(await ask(), pid)
  }
  assert.ok(homes.size > 1)
  await byAddress.stop()
})

for (const transport of ['polling', 'polling+websocket'])
  test(`Socket.IO with ${transport} and four workers`, { skip }, async t => {
    const { python } = await ensureEnvironment({ python: 'newest', packages: 'socketio' })
    const args = ['--workers', String(WORKERS), '--affinity', 'cookie', '--affinity-key', keyFile(t)]
    const server = await startServer({ app: 'socketio_app:app', directory: APPS, python, args })
    const script = join(APPS, 'socketio_clients.py')
    const [clients, calls] = [6, 15]
    const { stdout } = await promisify(execFile)(python, [
      script,
      server.url,
      transport,
      String(clients),
      String(calls),
    ])
    const answers = JSON.parse(stdout) as [string, string, number][][]
    assert.equal(answers.length, clients)
    for (const answer of answers) {
      assert.deepEqual(
        answer.map(([word]) => word),
        Array.from({ length: calls }, (_, i) => `word ${i}`),
      )
      assert.equal(new Set(answer.map(([, session]) => session)).size, 1, 'one session')
      assert.equal(new Set(answer.map(([, , pid]) => pid)).size, 1, 'in one process')
    }
    assert.ok(new Set(answers.map(answer => answer[0]![2])).size > 1, 'clients are in several processes')
    await server.stop()
  })
