/**
 * Django, FastAPI and Flask behind one program: each gets its own requests, knows where it is, and makes links that lead back to it. What
 * happens to one of them when another one changes or dies is in `44-applications-apart.test.ts`.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { openProgram, whyNoUsers } from '../support/open-world.ts'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { getOnce, RawClient, type RawResponse } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'

/** Of the gateway and of all applications; the last one has a user of its own. */
const [USER, OTHER] = ['www-data', 'nobody']
const hasUsers = whyNoUsers(USER, OTHER) === false

interface About {
  readonly name: string
  readonly pid: number
  readonly uid: number
  readonly directory: string
  readonly python: string
  readonly variables: Readonly<Record<string, string>>
  readonly root: string
  readonly path: string
  readonly links: Readonly<Record<string, string>>
}

/** Name → where `about` of the application is, and the host by which it is asked. */
const PLACES = {
  shop: { about: '/shop/about/', host: '127.0.0.1' },
  api: { about: '/api/about', host: '127.0.0.1' },
  admin: { about: '/about', host: 'admin.example.kr' },
} as const
type Name = keyof typeof PLACES

interface Started {
  readonly server: Server
  readonly project: Project
  readonly pythons: Readonly<Record<'asgi' | 'flask', string>>
}

async function start(t: TestContext): Promise<Started> {
  const [asgi, flask] = [
    (await ensureEnvironment({ python: 'newest', packages: 'asgi' })).python,
    (await ensureEnvironment({ python: 'newest', packages: 'flask' })).python,
  ]
  const project = new Project(t, {})
  const { directory } = project
  chmodSync(directory, 0o755)
  cpSync(join(APPS, 'django_inn'), join(directory, 'shop'), { recursive: true })
  cpSync(join(APPS, 'several'), directory, { recursive: true })
  const file = readFileSync(project.path('jumak.toml'), 'utf8').replaceAll('@asgi@', asgi).replaceAll('@flask@', flask)
  const users = (text: string) =>
    `user = "${USER}"\n${text.replace('name = "admin"', `name = "admin"\nuser = "${OTHER}"`)}`
  project.save('jumak.toml', hasUsers ? users(file) : file)
  const asUsers = hasUsers ? { program: openProgram(t, [asgi, flask]), args: ['--temp-dir', '/tmp'] } : {}
  return { server: await startServer({ directory, ...asUsers }), project, pythons: { asgi, flask } }
}

test('Django, FastAPI and Flask behind one program', { skip: await whyNoPython() }, async t => {
  const { server, project, pythons } = await start(t)

  const get = (path: string, host = '127.0.0.1'): Promise<RawResponse> => getOnce(server.port, path, `Host: ${host}`)
  const text = async (path: string, host?: string) => {
    const { status, body } = await get(path, host)
    return `${status} ${body}`
  }
  async function about(name: Name): Promise<About> {
    const { status, body } = await get(PLACES[name].about, PLACES[name].host)
    assert.equal(status, 200, body.toString())
    return JSON.parse(body.toString())
  }
  async function post(path: string, bytes: number, host = '127.0.0.1'): Promise<string> {
    const client = new RawClient(server.port)
    client.send(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${bytes}\r\nConnection: close\r\n\r\n`)
    client.send(Buffer.alloc(bytes, 'x'))
    const { status, body } = await client.response()
    client.close()
    return `${status} ${body}`
  }

  await t.test('each is itself: its code, its directory, its Python, its variables', async () => {
    const [shop, api, admin] = await Promise.all([about('shop'), about('api'), about('admin')])
    for (const [name, one] of Object.entries({ shop, api, admin })) {
      assert.equal(one.name, name)
      assert.equal(one.directory, project.path(name))
      assert.equal(one.variables['SEVERAL_SHARED'], 'all')
      assert.equal(one.variables['SEVERAL_OWN'], name)
    }
    assert.deepEqual(
      [shop, api, admin].map(one => 'SEVERAL_API_ONLY' in one.variables),
      [false, true, false],
    )
    assert.equal(shop.python, join(pythons.asgi, '../..'))
    assert.equal(admin.python, join(pythons.flask, '../..'))
  })

  await t.test('one of them is another user', { skip: whyNoUsers(USER, OTHER) }, async () => {
    const [shop, api, admin] = await Promise.all([about('shop'), about('api'), about('admin')])
    assert.deepEqual([shop.uid, api.uid, admin.uid], [USER, USER, OTHER].map(uidOf))
  })

  await t.test('SCRIPT_NAME and root_path are the prefix, and every link leads back to its application', async () => {
    const expected = {
      shop: ['/shop', '/about/'],
      api: ['/api', '/api/about'],
      admin: ['', '/about'],
    } as const
    for (const name of Object.keys(PLACES) as Name[]) {
      const { host } = PLACES[name]
      const { root, path, links } = await about(name)
      assert.deepEqual([root, path], expected[name])
      assert.equal(links['page'], PLACES[name].about)
      // The client wrote no port, so there is none.
      assert.equal(links['whole'], `http://${host}${PLACES[name].about}`)
      for (const link of [links['page']!, new URL(links['whole']!).pathname])
        assert.equal(JSON.parse((await get(link, host)).body.toString()).name, name, link)
    }
  })

  await t.test(
    'static files: a relative STATIC_URL is below the prefix, and each has its own files at the same address',
    async () => {
      const [shop, admin] = await Promise.all([about('shop'), about('admin')])
      assert.equal(shop.links['static'], '/shop/static/inn.css')
      assert.equal(admin.links['static'], '/static/admin.css')
      assert.equal(await text(shop.links['static']!), '200 body {\n  color: brown;\n}\n')
      assert.equal(await text(admin.links['static']!, 'admin.example.kr'), '200 body {\n  color: navy;\n}\n')
      assert.match(await text('/static/admin.css'), /^404 /)
      assert.match(await text('/shop/static/admin.css'), /^404 /)
      assert.match(await text('/static/inn.css', 'admin.example.kr'), /^404 /)
    },
  )

  await t.test('a redirect of Django leads back below its prefix', async () => {
    const response = await get('/shop/about')
    assert.deepEqual([response.status, response.header('location')], [301, '/shop/about/'])
  })

  await t.test('FastAPI: its documents find their schema, and the schema names the prefix', async () => {
    const schema = /url: '([^']+)'/.exec(await text('/api/docs'))![1]!
    assert.equal(schema, '/api/openapi.json')
    const { servers, paths } = JSON.parse((await get(schema)).body.toString())
    assert.deepEqual(servers, [{ url: '/api' }])
    assert.ok('/about' in paths)
  })

  await t.test('a WebSocket below the prefix', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/api/echo`)
    const next = async () => String((await once(socket, 'message'))[0])
    assert.equal(await next(), '/api /api/echo')
    socket.send('soup')
    assert.equal(await next(), 'soup')
    socket.close()
    await once(socket, 'close')
    const refused = new WebSocket(`ws://127.0.0.1:${server.port}/echo`)
    const [, response] = await once(refused, 'unexpected-response')
    assert.equal(response.statusCode, 404)
  })

  for (const [path, expected] of [
    // The longest prefix wins, by whole segments.
    ['/api/v2', '200 /api/v2|'],
    ['/api/v2/', '200 /api/v2|/'],
    ['/api/v2/x/y', '200 /api/v2|/x/y'],
    ['/api/v20', '404 {"detail":"Not Found"}'],
    // Decoded once, and dots resolved, before prefixes are compared.
    ['/%61pi/v2/x', '200 /api/v2|/x'],
    ['/api%2fv2/x', '200 /api/v2|/x'],
    ['/shop/../api/v2/x', '200 /api/v2|/x'],
    ['/shop/%2e%2e/api/v2/x', '200 /api/v2|/x'],
    ['/shop/..%2fapi/v2/x', '200 /api/v2|/x'],
    ['/api/v2/./x', '200 /api/v2|/x'],
    ['/../../api/v2/x', '200 /api/v2|/x'],
    ['/api/v2/%2561', '200 /api/v2|/%61'],
    ['/api/v2/a;b', '200 /api/v2|/a;b'],
  ] as const)
    await t.test(`GET ${path} is answered ${expected}`, async () => assert.equal(await text(path), expected))

  for (const path of [
    '/',
    '/about',
    '/apix',
    '/API/v2',
    '//api/v2',
    '/%2561pi/v2',
    '/api/../about',
    '/shop/../',
    '/api%00/v2',
  ])
    await t.test(`GET ${path} is nobody’s: 404`, async () => {
      const response = await get(path)
      assert.equal(response.status, 404)
      assert.doesNotMatch(response.body.toString(), /detail/)
    })

  await t.test('`..` after an empty segment means different things to different servers: 400', async () => {
    assert.equal((await get('/api//../shop/about/')).status, 400)
  })

  await t.test('hosts come before paths, in any spelling', async () => {
    for (const host of [
      'admin.example.kr',
      'ADMIN.example.KR',
      'admin.example.kr:8080',
      'admin.example.kr.',
      'a.office.example.kr',
    ])
      assert.equal(JSON.parse((await get('/about', host)).body.toString()).name, 'admin', host)
    for (const host of ['office.example.kr', 'example.kr', 'xadmin.example.kr', 'admin.example.kr.evil.example'])
      assert.equal((await get('/about', host)).status, 404, host)
    // All of its paths: also one that is another application's elsewhere.
    assert.match(await text('/api/v2/x', 'admin.example.kr'), /^404 <!doctype html>/)
    assert.equal(await text('/api/v2/x', 'elsewhere.example'), '200 /api/v2|/x')
  })

  await t.test('uploads arrive whole, and each application has its own limit', async () => {
    server.expectLog(/limit-request-body/)
    assert.equal(await post('/api/count', 3_000_000), '200 3000000')
    assert.equal(await post('/count', 3_000_000, 'admin.example.kr'), '200 3000000')
    assert.equal(await post('/shop/count/', 1_000_000), '200 1000000')
    assert.match(await post('/shop/count/', 1_048_577), /^413 /)
  })

  await t.test('readiness of all, and of each', async () => {
    assert.equal((await get('/-/ready')).status, 200)
    for (const name of ['shop', 'api', 'api-v2', 'admin'])
      assert.equal((await get(`/-/ready/${name}`)).status, 200, name)
    assert.equal((await get('/-/ready/nobody')).status, 404)
  })

  await t.test('the access log and the log name the application', async () => {
    const marks: readonly (readonly [string, string, string | undefined])[] = [
      ['/shop/about/?mark=1', '127.0.0.1', 'shop'],
      ['/api/about?mark=2', '127.0.0.1', 'api'],
      ['/about?mark=3', 'admin.example.kr', 'admin'],
      ['/shop/static/inn.css?mark=4', '127.0.0.1', 'shop'],
      ['/nobody?mark=5', '127.0.0.1', undefined],
    ]
    for (const [path, host] of marks) await get(path, host)
    const records = () => server.stdout.filter(line => /mark=\d/.test(line)).map(line => JSON.parse(line))
    await until(
      () => records().length === marks.length,
      () => server.stdout.join('\n'),
    )
    assert.deepEqual(
      records().map(({ target, app }) => [target, app]),
      marks.map(([path, , app]) => [path, app]),
    )
    for (const name of ['shop', 'api', 'api-v2', 'admin'])
      assert.ok(
        server.log.some(line => new RegExp(`\\b${name}\\b.* ready`).test(line)),
        server.log.join('\n'),
      )
  })

  await t.test('one gateway serves them all, and each has the workers that it was given', () => {
    const processes = server.processes()
    assert.equal(processes.filter(({ command }) => /gateway\/main\.[tj]s/.test(command)).length, 1)
    assert.equal(server.workers().length, 4 + 2 + 1 + 1)
  })

  await server.stop()
})

const uidOf = (user: string) => Number(execFileSync('id', ['-u', user], { encoding: 'utf8' }))
