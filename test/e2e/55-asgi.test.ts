/** FastAPI and Starlette, for real: requests, uploads, streams, background tasks, the lifespan, deadlines, a blocked loop. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureEnvironment, testedPythons } from '../support/environments/environments.ts'
import { Gate } from '../support/gate.ts'
import { APPS } from '../support/paths.ts'
import { RawClient } from '../support/raw-client.ts'
import { type Server, startServer, TRACEBACK } from '../support/server.ts'
import { HTTP } from '../support/translator.ts'

const MIB = 1024 ** 2

// biome-ignore lint/suspicious/noExplicitAny: what the application answers is compared, not typed.
type Answer = any

async function start(version: string, ...args: string[]): Promise<Server> {
  const { python } = await ensureEnvironment({ python: version, packages: 'asgi' })
  return startServer({ app: 'fastapi_app:app', directory: APPS, python, args })
}

for (const { version } of await testedPythons()) {
  test(`FastAPI on Python ${version}`, async t => {
    const server = await start(version, '-w', '2')
    await server.waitForLog(/FastAPI \d/)

    await t.test('JSON, a dependency, and the state of the lifespan, which each worker has of its own', async () => {
      const response = await fetch(`${server.url}/json?who=caf%C3%A9`)
      assert.equal(response.headers.get('content-type'), 'application/json')
      const answer = (await response.json()) as Answer
      assert.equal(answer.hello, 'café')
      assert.equal(answer.opened, answer.pid)
    })

    await t.test('the scope: integer ports, the version, the path', async () => {
      const scope = await json(`${server.url}/scope`, { headers: { 'x-request-id': 'from-a-proxy' } })
      const version = HTTP === '1' ? '1.1' : '2'
      assert.deepEqual([scope.type, scope.http_version, scope.scheme, scope.path], ['http', version, 'http', '/scope'])
      assert.deepEqual(
        [scope.server, scope.root_path, scope.id],
        [['127.0.0.1', server.programPort], '', 'from-a-proxy'],
      )
      assert.equal(typeof scope.client[1], 'number')
    })

    await t.test('an upload arrives whole', async () => {
      const content = Buffer.alloc(3 * MIB, 'soup')
      const form = new FormData()
      form.set('file', new File([content], 'kettle.bin'))
      const answer = await json(`${server.url}/upload`, { method: 'POST', body: form })
      assert.deepEqual(answer, { sha256: createHash('sha256').update(content).digest('hex'), name: 'kettle.bin' })
    })

    await t.test('a file by pathsend', async () => {
      const content = Buffer.alloc(2 * MIB, 'rice')
      const path = join(server.temporaryDirectory, 'jumak-test-file.bin')
      writeFileSync(path, content)
      const response = await fetch(`${server.url}/file`)
      assert.ok(Buffer.from(await response.arrayBuffer()).equals(content))
      const part = await fetch(`${server.url}/file`, { headers: { range: 'bytes=4-7' } })
      assert.deepEqual([part.status, await part.text()], [206, 'rice'])
      rmSync(path)
    })

    await t.test('server-sent events come one by one, and end with their client', async () => {
      const client = new RawClient(server.port).get('/events')
      await client.readUntil('data: 0\n\n')
      await client.readUntil('data: 1\n\n')
      client.close()
      await server.waitForLog(/events are over/)
    })

    await t.test('a background task goes on after the response', async () => {
      const from = server.log.length
      assert.equal((await fetch(`${server.url}/background`)).status, 200)
      await server.waitForLog(/done in the background/, from)
    })

    await t.test('an exception is a 500, and a traceback in the log that names the request', async () => {
      const response = await fetch(`${server.url}/crash`, { headers: { 'x-request-id': 'crash-1' } })
      assert.equal(response.status, 500)
      await server.waitForLog(/error worker \d +\[crash-1\] RuntimeError: on purpose$/)
    })

    await server.stop()
    assert.equal(server.log.filter(line => line.endsWith('started up')).length, 2)
    assert.equal(server.log.filter(line => line.endsWith('shut down')).length, 2)
  })
}

test('a hundred megabytes up and down leave the memory of every process flat', async () => {
  const server = await start('newest', '-w', '1')
  // Used buffers are collected after some tens of megabytes: from then on a process keeps its size.
  const warm = await fetch(`${server.url}/count`, { method: 'POST', body: Buffer.alloc(80 * MIB) })
  assert.equal(((await warm.json()) as Answer)['bytes'], 80 * MIB)
  for await (const _ of (await fetch(`${server.url}/pour?megabytes=80`)).body!);
  const processes = [server.gateway().pid, ...server.workers().map(one => one.pid)]
  const before = processes.map(rss)
  const up = await fetch(`${server.url}/count`, { method: 'POST', body: Buffer.alloc(100 * MIB) })
  const { bytes, pieces } = (await up.json()) as Answer
  assert.equal(bytes, 100 * MIB)
  assert.ok(pieces > 100, `${pieces} pieces: it came while it was sent`)
  let got = 0
  for await (const chunk of (await fetch(`${server.url}/pour?megabytes=100`)).body!) got += chunk.length
  assert.equal(got, 100 * MIB)
  const grown = processes.map((pid, index) => (rss(pid) - before[index]!) / MIB)
  // A process that kept what passes would grow by 100. How much waits to be collected depends on how busy the machine is.
  assert.ok(
    grown.every(megabytes => megabytes < 80),
    `gateway and worker grew by ${grown.map(Math.round)} MiB`,
  )
  await server.stop()
})

test('a request past --timeout gets 504, the log has the stack of its task, and its worker serves on', async () => {
  const server = await start('newest', '-w', '1', '--timeout', '1')
  server.expectLog(/GET \/hang is cancelled in worker 1: no response/)
  const { pid } = await json(`${server.url}/json`)
  const response = await fetch(`${server.url}/hang`)
  assert.equal(response.status, 504)
  await server.waitForLog(/fastapi_app\.py", line \d+, in hang/)
  assert.equal((await json(`${server.url}/json`)).pid, pid)
  await server.stop()
})

test('a blocked event loop is noticed from outside, and its stack is logged', async t => {
  const server = await start('newest', '-w', '1')
  server.expectLog(
    /worker 1 is blocked: its event loop has not turned for \d+ ms/,
    /worker 1 stands here:$/,
    /Thread MainThread, which runs GET \/blocked/,
    TRACEBACK,
  )
  // It goes on when the stack was seen: a busy machine may need some seconds until then.
  const gate = new Gate(t)
  const blocked = fetch(`${server.url}/blocked?release=${gate.file}`)
  await server.waitForLog(/blocking/)
  await server.waitForLog(/fastapi_app\.py", line \d+, in blocked/)
  gate.open()
  assert.equal((await blocked).status, 200)
  await server.stop()
})

test('a worker that dies: what it ran is answered 502, and another one takes its place', async () => {
  const server = await start('newest', '-w', '1')
  server.expectLog(/worker 1 .*exited with code 9/, /was on worker 1/)
  assert.equal((await fetch(`${server.url}/die`, { method: 'POST' })).status, 502)
  await server.waitForLog(/exited with code 9/)
  assert.equal((await fetch(`${server.url}/json`)).status, 200)
  await server.stop()
})

async function json(url: string, options: RequestInit = {}): Promise<Answer> {
  return (await fetch(url, options)).json()
}

function rss(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
}
