/**
 * What happens to one application is no event for another: reload, broken code, crashes, recycling, a change of the configuration, slow
 * requests. The others keep their processes and lose no request.
 */
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Gate } from '../support/gate.ts'
import { ask } from '../support/life.ts'
import { APPS } from '../support/paths.ts'
import type { Project } from '../support/project.ts'
import { getOnce, RawClient } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { type Server, startServer, TRACEBACK, until } from '../support/server.ts'
import { askOf, fileOf, severalApplications, type Tables } from '../support/several.ts'

const READY = 'ready-path = "/-/ready"'

async function start(t: TestContext, tables: Tables, ...args: string[]): Promise<{ server: Server; project: Project }> {
  const project = severalApplications(t, tables, READY)
  return { server: await startServer({ directory: project.directory, args }), project }
}

/** The processes that answer for the application: preloader and worker. */
async function processesOf(server: Server, name: string): Promise<readonly [number, number]> {
  const { parent, pid } = await askOf(server, name)
  return [parent, pid]
}

/** A command to the running program. */
async function command(server: Server, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await askProgram(server, ...words)
  assert.equal(code, 0, stdout + stderr)
  return stdout
}

const askProgram = (server: Server, ...words: string[]) =>
  runJumak(words, server.temporaryDirectory, { JUMAK_ADMIN_SOCKET: join(server.temporaryDirectory, 'admin.sock') })

const breakCode = (project: Project, name: string) => project.save(`${name}/app.py`, 'def application(:\n')

test('reload of one: its processes are new, the others keep theirs', async t => {
  const { server } = await start(t, { shop: '', api: '' })
  const [shop, api] = [await processesOf(server, 'shop'), await processesOf(server, 'api')]
  await command(server, 'reload', 'shop')
  const after = await processesOf(server, 'shop')
  assert.notEqual(after[0], shop[0])
  assert.notEqual(after[1], shop[1])
  assert.deepEqual(await processesOf(server, 'api'), api)
  await server.stop()
})

test('reload of one with broken code: it is refused with the traceback, and all serve on as before', async t => {
  const { server, project } = await start(t, { shop: '', api: '' })
  const before = [await processesOf(server, 'shop'), await processesOf(server, 'api')]
  breakCode(project, 'shop')
  server.expectLog(TRACEBACK, /SyntaxError/, /generation 2 is given up, generation 1 serves on/)
  const { code, stdout, stderr } = await askProgram(server, 'reload', 'shop')
  assert.equal(code, 1)
  assert.match(stdout + stderr, /SyntaxError/)
  assert.deepEqual([await processesOf(server, 'shop'), await processesOf(server, 'api')], before)
  // The others are not kept from a reload of their own.
  await command(server, 'reload', 'api')
  assert.notEqual((await processesOf(server, 'api'))[1], before[1]![1])
  assert.deepEqual(await processesOf(server, 'shop'), before[0])
  await server.stop()
})

test('HUP with broken code in one: the others get their new code', async t => {
  const { server, project } = await start(t, { shop: '', api: '' })
  const before = [await processesOf(server, 'shop'), await processesOf(server, 'api')]
  breakCode(project, 'shop')
  server.expectLog(TRACEBACK, /SyntaxError/, /generation 2 is given up, generation 1 serves on/)
  server.signal('SIGHUP')
  await server.waitForLog(/\bshop\b.*generation 2 is given up|generation 2 is given up/)
  await server.waitForLog(/\bapi\b.*generation 2 serves/)
  assert.notEqual((await processesOf(server, 'api'))[1], before[1]![1])
  assert.deepEqual(await processesOf(server, 'shop'), before[0])
  await server.stop()
})

test('one whose workers die for ever is started with back-off, and comes back; the other keeps its processes', async t => {
  const { server, project } = await start(t, { shop: 'preload = "off"', api: '' })
  server.expectLog(/was killed by SIGKILL|exited with code 3/, /died early in a row, the next is started in /)
  const api = await processesOf(server, 'api')
  const ready = async (name: string) => (await getOnce(server.port, `/-/ready/${name}`)).status
  project.save('shop/die', '')
  process.kill((await askOf(server, 'shop')).pid, 'SIGKILL')
  await server.waitForLog(/died early in a row, the next is started in /)
  assert.deepEqual([await ready('shop'), await ready('api')], [503, 200])
  // Requests for it wait; those for the other one go on meanwhile.
  const waiting = askOf(server, 'shop')
  assert.deepEqual(await processesOf(server, 'api'), api)
  rmSync(project.path('shop/die'))
  assert.equal((await waiting).script, '/shop')
  assert.deepEqual(await processesOf(server, 'api'), api)
  await until(
    async () => (await ready('shop')) === 200,
    () => server.log.join('\n'),
  )
  await server.stop()
})

test('one that cannot start does not keep the others from serving, and is tried again', async t => {
  const project = severalApplications(t, { shop: '', api: '' }, READY)
  breakCode(project, 'shop')
  const server = await startServer({ directory: project.directory, waitReady: false })
  server.expectLog(TRACEBACK, /SyntaxError/)
  server.mayLog(/shop/)
  await server.waitForLog(/\bapi\b.* ready/)
  assert.equal((await askOf(server, 'api')).script, '/api')
  assert.equal((await getOnce(server.port, '/-/ready/shop')).status, 503)
  // The other one may be ready before this one was loaded at all.
  await server.waitForLog(/SyntaxError/)
  project.save(
    'shop/app.py',
    'def application(environ, start_response):\n    start_response("200 OK", [])\n    return [b"mended"]\n',
  )
  await server.waitForLog(/\bshop\b.* ready/)
  assert.equal((await getOnce(server.port, '/shop')).body.toString(), 'mended')
  await server.stop()
})

test('all of them cannot start: the program ends with 3', async t => {
  const project = severalApplications(t, { shop: '', api: '' })
  for (const name of ['shop', 'api']) breakCode(project, name)
  const server = await startServer({ directory: project.directory, waitReady: false })
  server.expectLog(TRACEBACK, /SyntaxError/)
  server.mayLog(/does not serve/)
  await server.ended(3)
})

test('HUP adds an application, changes one and removes one; what runs in the removed one is answered', async t => {
  const { server, project } = await start(t, { shop: '', api: '', old: '' })
  const gate = new Gate(t)
  const held = new RawClient(server.port).get(`/old${gate.target}`)
  await server.waitForLog(/holding/)
  project.save('new/app.py', readApp(project))
  project.save(
    'jumak.toml',
    fileOf({ shop: 'path = "/store"\nenv = { CHANGED = "yes" }', api: '', new: 'workers = 2' }, READY),
  )
  server.signal('SIGHUP')
  await server.waitForLog(/\bnew\b.* ready/)
  // The new path holds from the moment in which the new code serves: old code never answers there.
  await until(
    async () => (await getOnce(server.port, '/store')).status === 200,
    () => server.log.join('\n'),
  )
  const shop = await ask(server.port, '/store')
  assert.deepEqual([shop.script, shop.env['CHANGED']], ['/store', 'yes'])
  assert.equal((await askOf(server, 'new')).script, '/new')
  for (const path of ['/shop', '/old']) assert.equal((await getOnce(server.port, path)).status, 404, path)
  // HUP brings new code to all, so its processes are new; it never had a gap.
  assert.equal((await askOf(server, 'api')).script, '/api')
  gate.open()
  const answer = await held.response()
  assert.equal(answer.status, 200)
  assert.equal(JSON.parse(answer.body.toString()).script, '/old')
  held.close()
  // The gateway, and a preloader for each of shop, api and new; their workers.
  const children = () => server.processes().filter(({ parent }) => parent === server.pid).length
  await until(
    () => children() === 1 + 3 && server.workers().length === 1 + 1 + 2,
    () => `${children()} children, ${server.workers().length} workers; ${server.log.join('\n')}`,
  )
  await server.stop()
})

const readApp = (project: Project) => readFileSync(project.path('shop/app.py'), 'utf8')

test('HUP with a mistake in one application changes none', async t => {
  const { server, project } = await start(t, { shop: '', api: '' })
  const before = [await processesOf(server, 'shop'), await processesOf(server, 'api')]
  project.save('jumak.toml', fileOf({ shop: 'path = "/store"', api: 'workers = "many"' }, READY))
  server.expectLog(/jumak\.toml:\d+:\d+: workers /, /nothing changes|is wrong/)
  server.signal('SIGHUP')
  await server.waitForLog(/jumak\.toml:\d+:\d+: /)
  assert.deepEqual([await processesOf(server, 'shop'), await processesOf(server, 'api')], before)
  await server.stop()
})

test('a pool for paths: requests that hang there delay nothing else, and the other way round', async t => {
  const pool = 'workers = 2\n[[app.pool]]\npaths = ["/export"]\nworkers = 1'
  const { server } = await start(t, { shop: pool, api: '' })
  const [gate, mainGate] = [new Gate(t), new Gate(t)]
  // The pool's one worker is held, and more requests wait for it.
  const exports = Array.from({ length: 4 }, () => new RawClient(server.port).get(`/shop/export${gate.target}`))
  await server.waitForLog(/holding/)
  const [main, api] = [await askOf(server, 'shop'), await askOf(server, 'api')]
  assert.equal(main.path, '/')
  // Now both workers of the rest are held, too.
  const from = server.log.length
  const others = [1, 2].map(() => new RawClient(server.port).get(`/shop${mainGate.target}`))
  await until(
    () => server.log.slice(from).filter(line => line.includes('holding')).length === 2,
    () => server.log.join('\n'),
  )
  const queued = askOf(server, 'shop')
  // Another application is not touched by any of this.
  assert.equal((await askOf(server, 'api')).pid, api.pid)
  gate.open()
  const answers = await Promise.all(exports.map(client => client.response()))
  const bodies = answers.map(({ body }) => JSON.parse(body.toString()))
  // While the rest is held, the pool's own worker serves all that is for it: none other was asked.
  assert.equal(new Set(bodies.map(({ pid }) => pid)).size, 1)
  assert.deepEqual(new Set(bodies.map(({ path }) => path)), new Set(['/export/hold']))
  assert.notEqual(bodies[0].pid, main.pid)
  assert.equal(bodies[0].parent, main.parent, 'forked by the same preloader')
  mainGate.open()
  await Promise.all(others.map(client => client.response()))
  await queued
  for (const client of [...exports, ...others]) client.close()
  assert.equal((await askOf(server, 'shop', '/exports')).parent, main.parent)
  await server.stop()
})

test('a crash in a pool is repaired there: the workers of the rest keep their processes', async t => {
  const { server } = await start(t, { shop: '[[app.pool]]\npaths = ["/export/"]\nworkers = 1' })
  server.expectLog(/was killed by SIGKILL/)
  const [main, pool] = [await askOf(server, 'shop'), await askOf(server, 'shop', '/export/')]
  assert.notEqual(main.pid, pool.pid)
  process.kill(pool.pid, 'SIGKILL')
  await server.waitForLog(/was killed by SIGKILL/)
  const after = await askOf(server, 'shop', '/export/')
  assert.ok(after.pid !== pool.pid && after.pid !== main.pid)
  assert.equal((await askOf(server, 'shop')).pid, main.pid)
  await server.stop()
})

test('recycling one leaves the processes of the others', async t => {
  const { server } = await start(t, { shop: 'max-requests = 3\nmax-requests-jitter = 0', api: '' })
  const api = await processesOf(server, 'api')
  const seen = new Set<number>()
  await until(
    async () => seen.add((await askOf(server, 'shop')).pid).size >= 3,
    () => server.log.join('\n'),
  )
  for (let i = 0; i < 10; i++) assert.deepEqual(await processesOf(server, 'api'), api)
  await server.stop()
})

test('the gateway dies: all of them serve on with the same processes', async t => {
  const { server } = await start(t, { shop: '', api: '[[app.pool]]\npaths = ["/slow"]\nworkers = 1' })
  server.expectLog(/the gateway was killed by SIGKILL/)
  const before = [await processesOf(server, 'shop'), await processesOf(server, 'api')]
  const slow = await askOf(server, 'api', '/slow')
  process.kill(server.gateway().pid, 'SIGKILL')
  assert.deepEqual([await processesOf(server, 'shop'), await processesOf(server, 'api')], before)
  assert.equal((await askOf(server, 'api', '/slow')).pid, slow.pid)
  await server.stop()
})

test('TERM lets what runs in each of them finish', async t => {
  const { server } = await start(t, { shop: '', api: '' })
  const gate = new Gate(t)
  const clients = ['shop', 'api'].map(name => new RawClient(server.port).get(`/${name}${gate.target}`))
  await until(
    () => server.log.filter(line => line.includes('holding')).length === 2,
    () => server.log.join('\n'),
  )
  server.signal('SIGTERM')
  await server.waitForLog(/stopping gracefully/)
  gate.open()
  for (const client of clients) assert.equal((await client.response()).status, 200)
  for (const client of clients) client.close()
  await server.ended(0)
})

test('--reload: a saved change reloads the application that it is in, and no other', async t => {
  const { server, project } = await start(t, { shop: '', api: '' }, '--reload')
  const api = await processesOf(server, 'api')
  const [, before] = await processesOf(server, 'shop')
  project.save('shop/app.py', `${readApp(project)}\n# changed\n`)
  // No old code answers after the change has been seen; `until` waits for the watcher.
  await until(
    async () => (await processesOf(server, 'shop'))[1] !== before,
    () => server.log.join('\n'),
  )
  assert.deepEqual(await processesOf(server, 'api'), api)
  breakCode(project, 'shop')
  server.expectLog(TRACEBACK, /SyntaxError/, /waiting for a change/)
  await server.waitForLog(/waiting for a change/)
  assert.equal((await getOnce(server.port, '/shop')).status, 500)
  assert.deepEqual(await processesOf(server, 'api'), api)
  await server.stop()
})

test('APP beside tables: it is the application `default`, and has what nobody else claims', async t => {
  const project = severalApplications(t, { shop: '' }, READY)
  const server = await startServer({
    app: 'plain',
    directory: project.directory,
    args: ['--chdir', APPS, '-w', '1'],
  })
  assert.equal((await askOf(server, 'shop')).script, '/shop')
  assert.equal((await getOnce(server.port, '/hello')).status, 200)
  assert.match((await getOnce(server.port, '/shopping')).body.toString(), /no such path/)
  assert.equal((await getOnce(server.port, '/-/ready/default')).status, 200)
  await server.stop()
})
