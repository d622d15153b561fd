/** What a group does for its clients beyond shares: they stay with their servers, wait while all are full, and are spared those that fail. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ROOT } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { type RawResponse, withClient } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'
import { type Backend, type Reached, startEcho } from '../support/upstreams.ts'

async function backends(t: TestContext, ...names: string[]): Promise<Backend[]> {
  const all = await Promise.all(names.map(name => startEcho(name)))
  t.after(() => Promise.all(all.map(one => one.close().catch(() => {}))))
  return all
}

function addressOf({ port }: Backend): string {
  return `127.0.0.1:${port}`
}

function fileOf(servers: readonly Backend[], more: string, words = ''): string {
  return `affinity-key = "affinity.key"
[[upstream]]
name = "back"
servers = [${servers.map(one => `"${addressOf(one)}${words}"`).join(', ')}]
${more}
[[site]]
locations = [{ match = "/", proxy = "http://back" }]
`
}

function get(server: Server, cookie: string): Promise<RawResponse> {
  return withClient(server.target, client =>
    client.get('/', ...(cookie === '' ? [] : [`Cookie: ${cookie}`])).response(),
  )
}

function nameIn(response: RawResponse): string {
  assert.equal(response.status, 200, response.body.toString())
  return (JSON.parse(response.body.toString()) as Reached).server
}

function command(server: Server, project: Project, ...words: string[]): Promise<string> {
  const all = [...words, '--admin-socket', join(server.temporaryDirectory, 'admin.sock')]
  return new Promise((resolve, reject) => {
    execFile(join(ROOT, 'bin/jumak'), all, { cwd: project.directory }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(stderr)),
    )
  })
}

test('a client stays with its server: over a reload that brings the cookie, a drain and a restart, until the server is out', async t => {
  const servers = await backends(t, 'a', 'b')
  const project = new Project(t, { 'jumak.toml': fileOf(servers, '') })
  const first = await startServer({ directory: project.directory })
  assert.equal((await get(first, '')).header('set-cookie'), undefined)
  project.save('jumak.toml', fileOf(servers, 'sticky = "cookie srv ttl=1h"'))
  await command(first, project, 'reload')
  const answered = await get(first, '')
  const name = nameIn(answered)
  const [cookie = '', ...attributes] = answered.header('set-cookie')!.split('; ')
  assert.deepEqual(attributes, ['Path=/', 'Max-Age=3600', 'HttpOnly', 'SameSite=Lax'])
  const home = servers[name === 'a' ? 0 : 1]!
  const stays = async (server: Server) => {
    for (let i = 0; i < 4; i++) {
      const response = await get(server, cookie)
      assert.deepEqual([nameIn(response), response.header('set-cookie')], [name, undefined])
    }
  }
  await stays(first)
  await command(first, project, 'upstream', 'back', 'drain', addressOf(home))
  await stays(first)
  for (let i = 0; i < 3; i++) assert.notEqual(nameIn(await get(first, '')), name)
  await first.stop()

  const second = await startServer({ directory: project.directory })
  await stays(second)
  second.expectLog(/another server is asked/)
  await home.close()
  const moved = await get(second, cookie)
  assert.notEqual(nameIn(moved), name)
  const [other = ''] = moved.header('set-cookie')!.split('; ')
  assert.notEqual(other, cookie)
  const kept = await get(second, other)
  assert.deepEqual([nameIn(kept), kept.header('set-cookie')], [nameIn(moved), undefined])
  await second.stop()
})

for (const threads of [1, 2])
  test(`requests wait while all servers have max-conns, threads: ${threads}`, async t => {
    let running = 0
    let most = 0
    const slow = await startEcho('slow', (_, response) => {
      most = Math.max(most, ++running)
      // So that others come meanwhile.
      setImmediate(() => {
        running--
        response.end('done')
      })
      return true
    })
    t.after(() => slow.close())
    const file = `gateway-threads = ${threads}\n${fileOf([slow], 'queue = "100 timeout=30s"', ' max-conns=1')}`
    const project = new Project(t, { 'jumak.toml': file })
    const server = await startServer({ directory: project.directory })
    const statuses = await Promise.all(
      Array.from({ length: 12 }, () =>
        withClient(server.target, async client => {
          const all: number[] = []
          for (let i = 0; i < 5; i++) all.push((await client.get('/').response()).status)
          return all
        }),
      ),
    )
    assert.deepEqual(new Set(statuses.flat()), new Set([200]))
    assert.equal(most, 1)
    assert.match(await command(server, project, 'upstream', 'back'), /^upstream back {3}round-robin {3}0 wait\n/)
    await server.stop()
  })

test('a server that answers with 500 again and again is left out, the log names it, and the status says so', async t => {
  const bad = await startEcho('bad', (_, response) => {
    response.writeHead(500)
    response.end()
    return true
  })
  const [good] = await backends(t, 'good')
  t.after(() => bad.close())
  const project = new Project(t, {
    'jumak.toml': fileOf([bad, good!], 'outlier-ejection = "failures=3 time=1h"'),
  })
  const server = await startServer({ directory: project.directory })
  server.expectLog(/upstream back: 127\.0\.0\.1:\d+ gets no requests for 3600 s: 3 failures in a row/)
  const statuses: number[] = []
  for (let i = 0; i < 12; i++) statuses.push((await get(server, '')).status)
  assert.equal(statuses.filter(status => status === 500).length, 3)
  assert.deepEqual(new Set(statuses.slice(-5)), new Set([200]))
  assert.match(await command(server, project, 'upstream'), new RegExp(`${addressOf(bad)} +ejected`))
  await server.stop()
})
