/**
 * One application is an enemy of the other ones behind the same program, and runs as a user of its own (`test/apps/hostile.py`). Whatever it
 * tries, the others lose no request, leak nothing, and keep their processes. Needs root. Within one user nothing of this can be promised;
 * what holds there all the same is at the end.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { version } from '../../src/base/version.ts'
import { whyNoUsers } from '../support/open-world.ts'
import { APPS } from '../support/paths.ts'
import type { Project } from '../support/project.ts'
import { getOnce, RawClient } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { type Server, startServer, until } from '../support/server.ts'
import { askOf, severalApplications, type Tables } from '../support/several.ts'

const PYTHON = '/usr/bin/python3'
const [GATEWAY, SHOP, EVIL] = ['www-data', 'games', 'nobody']
const skip = whyNoUsers(GATEWAY, SHOP, EVIL) || (!existsSync(PYTHON) && `needs ${PYTHON}`)
const SECRET = 'the secret of the shop'

const idOf = (flag: '-u' | '-g', user: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))

type Attempt = readonly [verb: string, ...args: (string | number)[]]

class Scene {
  readonly server: Server
  readonly project: Project
  readonly runtime: string

  constructor(server: Server, project: Project, temporary: string) {
    this.server = server
    this.project = project
    const name = readdirSync(temporary).find(one => one.startsWith('jumak-'))
    assert.ok(name, 'a runtime directory')
    this.runtime = join(temporary, name)
  }

  /** What became of each attempt of the enemy: `done`, a value, or the name of the error. */
  async try(attempts: readonly Attempt[]): Promise<unknown[]> {
    const body = Buffer.from(JSON.stringify(attempts))
    const client = new RawClient(this.server.port)
    client.send(`POST /evil/try HTTP/1.1\r\nHost: t\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`)
    const response = await client.send(body).response()
    client.close()
    assert.equal(response.status, 200, `${response.body}\n${this.server.log.join('\n')}`)
    return JSON.parse(response.body.toString())
  }

  /** Fails if any attempt gets anywhere. */
  async tryInVain(attempts: readonly Attempt[]): Promise<void> {
    const outcomes = await this.try(attempts)
    for (const [index, outcome] of outcomes.entries())
      assert.match(String(outcome), /^(EACCES|EPERM)$/, JSON.stringify(attempts[index]))
  }

  /** The file that runs in the place of each message of the enemy to the master. */
  lie(code: string): void {
    this.project.save('evil/lie', code)
  }

  speakTruth(): void {
    rmSync(this.project.path('evil/lie'))
  }

  async workerOf(name: string): Promise<number> {
    return (await askOf(this.server, name)).pid
  }

  /** A worker of it that was lied about may hold requests for a while. */
  async untilEvilServes(): Promise<void> {
    await until(
      async () => (await getOnce(this.server.port, '/evil/')).body.toString() === 'evil',
      () => this.server.log.join('\n'),
    )
  }

  async untilLogged(pattern: RegExp, times: number, from = 0): Promise<void> {
    await until(
      () => this.server.log.slice(from).filter(line => pattern.test(line)).length >= times,
      () => `${pattern} was not logged ${times} times:\n${this.server.log.join('\n')}`,
    )
  }
}

/** `shop`, and the enemy at `/evil`, each with its user. Worker 1 and 2 are theirs, in either order. */
async function start(t: TestContext, more: Tables = {}, args: readonly string[] = []): Promise<Scene> {
  const project = severalApplications(t, {
    shop: `user = "${SHOP}"\n${more['shop'] ?? ''}`,
    evil: `user = "${EVIL}"\nretry = "off"\n${more['evil'] ?? ''}`,
  })
  copyFileSync(join(APPS, 'hostile.py'), project.path('evil/app.py'))
  for (const [name, user] of [
    ['shop', SHOP],
    ['evil', EVIL],
  ] as const)
    chownSync(project.path(name), idOf('-u', user), idOf('-g', user))
  // Its own users may read it, and the gateway.
  project.save('shop/private/secret.txt', SECRET)
  chownSync(project.path('shop/private'), idOf('-u', SHOP), idOf('-g', GATEWAY))
  chmodSync(project.path('shop/private'), 0o751)
  chownSync(project.path('shop/private/secret.txt'), idOf('-u', SHOP), idOf('-g', GATEWAY))
  chmodSync(project.path('shop/private/secret.txt'), 0o640)
  const temporary = project.path('tmp')
  mkdirSync(temporary)
  chmodSync(temporary, 0o1777)
  const server = await startServer({
    directory: project.directory,
    python: PYTHON,
    args: ['--gateway-user', GATEWAY, '--temp-dir', temporary, '--admin-socket', project.path('admin.sock'), ...args],
    env: { SECRET_OF_SHOP: '' },
  })
  await server.waitForLog(/\bshop\b.* ready/)
  await server.waitForLog(/\bevil\b.* ready/)
  return new Scene(server, project, temporary)
}

/** Sockets of the application's workers: one for each, or for each slot where the gateway has several threads. */
function socketsIn(scene: Scene, name: string): string[] {
  return readdirSync(join(scene.runtime, name)).filter(one => /^w\d+\.sock(\.\d+)?$/.test(one))
}

/** The number of the worker whose socket is in the directory of the application. */
function numberOf(scene: Scene, name: string): number {
  return Number(/\d+/.exec(socketsIn(scene, name)[0]!)![0])
}

async function assertUnharmed(scene: Scene, pid: number): Promise<void> {
  assert.equal(await scene.workerOf('shop'), pid)
  await scene.server.stop()
}

test('sockets, files and directories of the others are out of reach', { skip }, async t => {
  const scene = await start(t)
  const { project, runtime, server } = scene
  const pid = await scene.workerOf('shop')
  assert.deepEqual(await scene.try([['uid']]), [idOf('-u', EVIL)])
  const shop = join(runtime, 'shop')
  const socket = join(shop, socketsIn(scene, 'shop')[0]!)
  await scene.tryInVain([
    ['connect', join(shop, 'control.sock')],
    ['connect', socket],
    ['connect', join(runtime, 'master.sock')],
    ['connect', project.path('admin.sock')],
    ['list', runtime],
    ['list', shop],
    ['unlink', socket],
    ['unlink', join(shop, 'control.sock')],
    ['rename', socket, join(runtime, 'evil', 'w99.sock')],
    ['hard-link', socket, join(runtime, 'evil', 'w99.sock')],
    ['hard-link', join(shop, 'control.sock'), join(runtime, 'evil', 'w99.sock')],
    ['rename', join(runtime, 'evil'), join(runtime, 'gone')],
    ['rename', shop, join(runtime, 'gone')],
    ['link', '/tmp', join(runtime, 'other')],
    ['mkdir', join(runtime, 'shop.2')],
    ['bind', join(shop, 'w99.sock')],
    ['bind', join(runtime, 'w99.sock')],
    ['write', join(shop, 'w99.out')],
    ['chmod', shop, 0o777],
    ['chmod', runtime, 0o777],
    ['read', project.path('shop/private/secret.txt')],
    ['write', project.path('shop/app.py')],
    ['write', project.path('jumak.toml')],
    ['unlink', project.path('admin.sock')],
  ])
  await assertUnharmed(scene, pid)
  assert.ok(!server.log.join('\n').includes(SECRET))
})

test('processes of the others cannot be signalled, looked into or robbed', { skip }, async t => {
  const scene = await start(t)
  const { server } = scene
  const pid = await scene.workerOf('shop')
  const { parent } = await askOf(server, 'shop')
  const victims = [server.pid, server.gateway().pid, parent, pid]
  const attempts = victims.flatMap((victim): Attempt[] => [
    ...[0, 1, 2, 9, 10, 15, 19].map((signal): Attempt => ['kill', victim, signal]),
    ['read', `/proc/${victim}/environ`],
    ['list', `/proc/${victim}/fd`],
    ['read', `/proc/${victim}/maps`],
    ['write', `/proc/${victim}/mem`],
    ['list', `/proc/${victim}/root/`],
    ['steal', victim, 3],
    ['trace', victim],
  ])
  await scene.tryInVain(attempts)
  // What everybody may read has no token in it.
  for (const victim of [...victims, ...server.processes().map(one => one.pid)])
    assert.doesNotMatch(readFileSync(`/proc/${victim}/cmdline`, 'latin1'), /[\w-]{32}/)
  await assertUnharmed(scene, pid)
})

test('it has nothing of the others: no descriptor, no variable, no listening socket', { skip }, async t => {
  const scene = await start(t, { shop: 'env = { PASSWORD = "of the shop" }' })
  const [descriptors, environment] = (await scene.try([['descriptors'], ['environment']])) as [
    string[],
    Record<string, string>,
  ]
  assert.ok(!('PASSWORD' in environment))
  // Standard streams, the control socket, its own listener and the links of its slot: one for each thread of the gateway.
  const sockets = descriptors.filter(one => one.startsWith('socket:'))
  assert.ok(sockets.length <= 2 + Number(process.env['TEST_GATEWAY_THREADS'] ?? 1), descriptors.join('\n'))
  assert.deepEqual(
    descriptors.filter(one => /^\//.test(one) && !/^\/dev\/|\/evil\/|^\/proc\//.test(one)),
    [],
  )
  await assertUnharmed(scene, await scene.workerOf('shop'))
})

test('guessed tokens and numbers of workers are refused', { skip }, async t => {
  const scene = await start(t)
  const { server, runtime } = scene
  const pid = await scene.workerOf('shop')
  const [own] = (await scene.try([['pid']])) as [number]
  const [shop, evil] = [numberOf(scene, 'shop'), numberOf(scene, 'evil')]
  const hello = (worker: number, token: string, process = own): Attempt => [
    'say',
    join(runtime, 'evil', 'control.sock'),
    `${JSON.stringify({ type: 'hello', build: version, worker, pid: process, token })}\n`,
  ]
  server.mayLog(/\bevil\b/)
  const attempts = [
    ...['', 'x', 'A'.repeat(32), '\u0000'].flatMap(token => [hello(shop, token), hello(evil, token)]),
    hello(shop + evil + 1, 'A'.repeat(32)),
    hello(shop, 'A'.repeat(32), pid),
    ['say', join(runtime, 'evil', 'control.sock'), '{"type":"ready"}\n'],
    ['say', join(runtime, 'evil', 'control.sock'), 'GET / HTTP/1.1\r\n\r\n\n'],
  ] as const
  for (const outcome of await scene.try(attempts)) assert.match(String(outcome), /^(|EPIPE|ECONNRESET)$/)
  await assertUnharmed(scene, pid)
})

test('a worker that says it listens on the socket of another application is not believed', { skip }, async t => {
  const scene = await start(t)
  const { server, runtime } = scene
  const pid = await scene.workerOf('shop')
  const socket = join(runtime, 'shop', socketsIn(scene, 'shop')[0]!)
  server.expectLog(/was killed by SIGKILL/, /listens on .*\/shop\/w\d+\.sock(\.0)?, and not on /)
  scene.lie(`if type == "ready":\n    fields["socket"] = ${JSON.stringify(socket)}\nsend(type, **fields)\n`)
  await killEvil(scene)
  await scene.untilLogged(/listens on .*, and not on /, 2)
  assert.equal(await scene.workerOf('shop'), pid)
  scene.speakTruth()
  assert.deepEqual(await scene.try([['uid']]), [idOf('-u', EVIL)])
  await assertUnharmed(scene, pid)
})

async function killEvil(scene: Scene): Promise<void> {
  const [pid] = (await scene.try([['pid']])) as [number]
  process.kill(pid, 'SIGKILL')
  await scene.server.waitForLog(new RegExp(`\\(process ${pid}\\) was killed by SIGKILL`))
}

for (const [kind, app] of [
  ['WSGI', null],
  [
    'ASGI',
    'async def application(scope, receive, send):\n    if scope["type"] != "http":\n        raise RuntimeError\n    import os\n    await send({"type": "http.response.start", "status": 200, "headers": []})\n    await send({"type": "http.response.body", "body": b\'{"pid": %d}\' % os.getpid()})\n',
  ],
] as const)
  test(`a socket that it replaces by a link to that of another application (${kind}) leads nowhere`, {
    skip,
  }, async t => {
    const scene = await start(t)
    const { server, runtime, project } = scene
    if (app !== null) {
      project.save('shop/app.py', app)
      server.signal('SIGHUP')
      await server.waitForLog(/\bshop\b.*generation 2 serves/)
      await server.waitForLog(/\bevil\b.*generation 2 serves/)
      await until(
        () => socketsIn(scene, 'shop').length === 1,
        () => readdirSync(join(runtime, 'shop')).join(' '),
      )
    }
    const pid = await scene.workerOf('shop')
    const socket = join(runtime, 'shop', socketsIn(scene, 'shop')[0]!)
    server.expectLog(/was killed by SIGKILL/)
    server.mayLog(/\bevil\b/)
    scene.lie(`if type == "ready":
    directory, name = os.path.split(fields["socket"])
    for path in [os.path.join(directory, one) for one in os.listdir(directory) if one.startswith(name)]:
        os.unlink(path)
        os.symlink(${JSON.stringify(socket)}, path)
send(type, **fields)
`)
    await killEvil(scene)
    // The shop answers all the while, and every answer comes from its own worker.
    await scene.untilLogged(/\bevil\b.*w\d+\.sock(\.\d+)? is no socket: a symbolic link is not followed/, 2)
    for (let i = 0; i < 20; i++) assert.equal(await scene.workerOf('shop'), pid)
    scene.speakTruth()
    await scene.untilEvilServes()
    await assertUnharmed(scene, pid)
  })

interface Facts {
  readonly worker: number
  readonly pid: number
  readonly gateway: number
  readonly master: number
  readonly secret: string
}

/** Lines of Python, run when the preloader is about to say that it has forked a worker. */
const LIES_OF_A_PRELOADER: Readonly<Record<string, (facts: Facts) => string>> = {
  'the process of another worker as its own': ({ pid }) => `fields["pid"] = ${pid}`,
  'the gateway as its worker': ({ gateway }) => `fields["pid"] = ${gateway}`,
  'the master as its worker': ({ master }) => `fields["pid"] = ${master}`,
  'the number of another worker': ({ worker }) => `fields["worker"] = ${worker}`,
  'a secret file as the output of its worker': ({ secret }) => `fields["output"] = ${JSON.stringify(secret)}`,
  'a file that only root may read as that output': () => `fields["output"] = "/etc/shadow"`,
  'the end of another worker': ({ worker, pid }) => `send("exited", worker=${worker}, pid=${pid}, code=0, signal=None)`,
  'that another worker could not be forked': ({ worker }) => `send("fork-failed", worker=${worker}, message="no")`,
}

for (const [what, lie] of Object.entries(LIES_OF_A_PRELOADER))
  test(`a preloader that says ${what}: the other application keeps its worker`, { skip }, async t => {
    const scene = await start(t)
    const { server, project } = scene
    const pid = await scene.workerOf('shop')
    server.expectLog(/was killed by SIGKILL/)
    server.mayLog(/\bevil\b/)
    const facts = { worker: numberOf(scene, 'shop'), pid, gateway: server.gateway().pid, master: server.pid }
    const code = lie({ ...facts, secret: project.path('shop/private/secret.txt') })
    scene.lie(`open("told", "a").close()\nif type == "forked":\n    ${code}\nsend(type, **fields)\n`)
    await killEvil(scene)
    await until(
      () => existsSync(project.path('evil/told')),
      () => server.log.join('\n'),
    )
    for (let i = 0; i < 20; i++) assert.equal(await scene.workerOf('shop'), pid)
    const log = server.log.join('\n')
    assert.ok(!log.includes(SECRET) && !log.includes('root:'), log)
    await assertUnharmed(scene, pid)
  })

test('static files that it claims: neither paths of others, nor files that only the gateway may read', {
  skip,
}, async t => {
  const scene = await start(t)
  await claimStatic(scene)
  await assertUnharmed(scene, await scene.workerOf('shop'))
})

/** The message of a preloader that has loaded a Django project says which directories to serve. */
async function claimStatic({ server, project }: Scene): Promise<void> {
  server.mayLog(/\bevil\b/)
  const secret = project.path('shop/private')
  const urls = ['/', '/shop/', '/evil/', '/../shop/', '/evil/../shop/', '/%2e%2e/shop/', '//shop/', '/static/']
  const mounts = urls.map(url => ({ url, directory: secret }))
  project.save(
    'evil/lie',
    `if type == "loaded":\n    fields["static"] = {"mounts": ${JSON.stringify(mounts)}, "finders": ["/", "/shop/"], "none": ""}\nsend(type, **fields)\n`,
  )
  const from = server.log.length
  server.signal('SIGHUP')
  await server.waitForLog(/\bevil\b.*generation 2 (serves|is given up)/, from)
  await server.waitForLog(/\bshop\b.*generation 2 serves/, from)
  for (const path of [
    '/shop/secret.txt',
    '/shop/shop/secret.txt',
    '/shop/static/secret.txt',
    '/secret.txt',
    '/static/secret.txt',
  ]) {
    const { body } = await getOnce(server.port, path)
    assert.ok(!body.toString().includes(SECRET), path)
    if (path.startsWith('/shop/')) assert.equal(JSON.parse(body.toString()).script, '/shop', path)
  }
  for (const path of ['/evil/secret.txt', '/evil/static/secret.txt', '/evil/evil/secret.txt', '/evil/shop/secret.txt'])
    assert.ok(!(await getOnce(server.port, path)).body.toString().includes(SECRET), path)
}

test('claims without end: too many directories, too long a message, no end of a line', { skip }, async t => {
  const scene = await start(t)
  const { server } = scene
  server.mayLog(/\bevil\b/)
  const mounts = (count: number) =>
    `fields["static"] = {"mounts": [{"url": "/%d/" % n, "directory": "/"} for n in range(${count})], "finders": [], "none": ""}`
  for (const [index, lie] of [mounts(5000), mounts(200_000), 'fields["framework"] = "x" * 900000'].entries()) {
    const from = server.log.length
    scene.lie(`if type == "loaded":\n    ${lie}\nsend(type, **fields)\n`)
    server.signal('SIGHUP')
    await server.waitForLog(new RegExp(`\\bshop\\b.*generation ${index + 2} serves`), from)
    await server.waitForLog(/\bevil\b.*(is given up|serves)/, from)
  }
  await assertUnharmed(scene, await scene.workerOf('shop'))
})

for (const [what, data] of [
  ['zeros', '\0'.repeat(1000)],
  ['the largest numbers', '\xff'.repeat(1000)],
  ['what is no message', '{"type": "ready"}\n'],
] as const)
  test(`${what} on all of its sockets cost it a worker, and nobody else anything`, { skip }, async t => {
    const scene = await start(t)
    const { server } = scene
    const pid = await scene.workerOf('shop')
    const gateway = server.gateway().pid
    server.mayLog(/\bevil\b/)
    const body = Buffer.from(JSON.stringify([['spoil', data]]))
    const client = new RawClient(server.port)
    const from = server.log.length
    client.send(`POST /evil/try HTTP/1.1\r\nHost: t\r\nContent-Length: ${body.length}\r\n\r\n`).send(body)
    await server.waitForLog(/\bevil\b.*(is replaced|exited|was killed)/, from)
    client.close()
    for (let i = 0; i < 5; i++) assert.equal(await scene.workerOf('shop'), pid)
    await scene.untilEvilServes()
    assert.equal(server.gateway().pid, gateway)
    await assertUnharmed(scene, pid)
  })

test('a file that the gateway may read and it may not is not sent for it', { skip }, async t => {
  const scene = await start(t)
  const { server, project } = scene
  server.mayLog(/\bevil\b/)
  for (const offersAnyway of [false, true]) {
    if (offersAnyway) {
      // Its own code decides what it says on the wire.
      project.save(
        'evil/app.py',
        `${readFileSync(join(APPS, 'hostile.py'), 'utf8')}\nfor name, module in list(sys.modules.items()):\n    if name.endswith('wsgi.link'):\n        module.Link.offers_files = property(lambda self: True, lambda self, value: None)\n`,
      )
      server.signal('SIGHUP')
      await server.waitForLog(/\bevil\b.*generation 2 serves/)
    }
    const response = await getOnce(server.port, `/evil/offer?${project.path('shop/private/secret.txt')}`)
    assert.ok(!response.body.toString().includes(SECRET), response.body.toString())
  }
  await scene.server.stop()
})

test('a flood on its control socket: others get new workers, and commands are answered', { skip }, async t => {
  const scene = await start(t)
  const { server, runtime } = scene
  server.expectLog(/was killed by SIGKILL/)
  server.mayLog(/\bevil\b/, /it is sent again/)
  const control = join(runtime, 'evil', 'control.sock')
  for (const text of ['', '{"type":', 'x'.repeat(100_000), `${'{"type":"hello"}\n'.repeat(1000)}`])
    await scene.try([['flood', control, 250, text]])
  const admin = { JUMAK_ADMIN_SOCKET: scene.project.path('admin.sock') }
  const { code, stdout } = await runJumak(['status'], scene.project.directory, admin)
  assert.equal(code, 0, stdout)
  assert.match(stdout, /shop +ready/)
  for (let i = 0; i < 3; i++) {
    const pid = await scene.workerOf('shop')
    process.kill(pid, 'SIGKILL')
    assert.notEqual(await scene.workerOf('shop'), pid)
  }
  await assertUnharmed(scene, await scene.workerOf('shop'))
})

test('what it prints is under its own name in the log, whatever it looks like', { skip }, async t => {
  const scene = await start(t)
  const { server } = scene
  const from = server.log.length
  const fake = '2026-01-01 00:00:00.000 error master   shop worker 1 has died'
  await scene.try([['print', `${fake}\r${fake}\n${fake}\u2028${fake}\u001b[2K${fake}\u0000${fake}`]])
  await scene.untilLogged(/has died/, 2, from)
  for (const line of server.log.slice(from).filter(one => one.includes('has died'))) {
    assert.match(line, /^\S+ \S+ [a-z]+ +evil worker \d+ /)
  }
  await assertUnharmed(scene, await scene.workerOf('shop'))
})

test('its directory full of files costs the others nothing', { skip }, async t => {
  const scene = await start(t)
  const { server, runtime, project } = scene
  server.mayLog(/evil/)
  const pid = await scene.workerOf('shop')
  const own = join(runtime, 'evil')
  await scene.try(Array.from({ length: 2000 }, (_, i): Attempt => ['write', join(own, `w9${i}.sock`)]))
  await scene.try([
    ['mkdir', join(own, 'sub')],
    ['write', join(own, 'sub/file')],
    ['link', project.path('shop'), join(own, 'w77.out')],
    ['unlink', join(own, 'control.sock')],
    ['link', join(runtime, 'shop', 'control.sock'), join(own, 'control.sock')],
    ['chmod', own, 0],
  ])
  assert.equal(await scene.workerOf('shop'), pid)
  server.signal('SIGTERM')
  assert.equal(await server.waitForExit(), 0)
  assert.ok(existsSync(project.path('shop/private/secret.txt')))
  // What is not ours is left, with the directories that it is in.
  rmSync(runtime, { recursive: true, force: true })
  await server.ended(0)
})

test('within one user: an application cannot claim the paths of another one by what it says of its static files', async t => {
  const project = severalApplications(t, { shop: '', evil: '' })
  copyFileSync(join(APPS, 'hostile.py'), project.path('evil/app.py'))
  project.save('shop/private/secret.txt', SECRET)
  const server = await startServer({ directory: project.directory })
  server.mayLog(/\bevil\b/)
  const mounts = ['/', '/shop/', '/../shop/', '/evil/../shop/', '//shop/'].map(url => ({
    url,
    directory: project.path('shop/private'),
  }))
  project.save(
    'evil/lie',
    `if type == "loaded":\n    fields["static"] = {"mounts": ${JSON.stringify(mounts)}, "finders": [], "none": ""}\nsend(type, **fields)\n`,
  )
  server.signal('SIGHUP')
  await server.waitForLog(/\bevil\b.*generation 2 serves/)
  await server.waitForLog(/\bshop\b.*generation 2 serves/)
  for (const path of ['/shop/secret.txt', '/shop/', '/shop/x/../secret.txt'])
    assert.equal(JSON.parse((await getOnce(server.port, path)).body.toString()).script, '/shop', path)
  assert.equal((await getOnce(server.port, '/secret.txt')).status, 404)
  await server.stop()
})
