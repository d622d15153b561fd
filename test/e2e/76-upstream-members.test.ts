/** Servers of an upstream that come, are drained and go under load: no request is lost, and `jumak upstream` says what there is. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { withClient } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'
import { type Reached, startEcho } from '../support/upstreams.ts'

interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

for (const threads of ['1', '2'])
  test(`servers are added, drained and removed under load, threads: ${threads}`, async t => {
    const backends = await Promise.all(['a', 'b', 'c'].map(name => startEcho(name)))
    t.after(() => Promise.all(backends.map(one => one.close())))
    const [a, b, c] = backends.map(({ port }) => `127.0.0.1:${port}`) as [string, string, string]
    const file = `gateway-threads = ${threads}
[[upstream]]
name = "back"
servers = ["${a}", "${b}"]
[[site]]
locations = [{ match = "/", proxy = "http://back" }]`
    const project = new Project(t, { 'jumak.toml': file })
    const server = await startServer({ directory: project.directory })
    const run = (...words: string[]) => command(server, project.directory, 'upstream', ...words)
    const load = startLoad(server)
    assert.deepEqual(await load.seen(['a', 'b']), [])

    const added = await run('back', 'add', c, 'weight=2')
    assert.deepEqual([added.code, added.stdout], [0, `${c} gets requests of back\n`], added.stderr)
    assert.deepEqual(await load.seen(['a', 'b', 'c']), [])
    const drained = await run('back', 'drain', a)
    assert.deepEqual(
      [drained.code, drained.stdout],
      [0, `${a} is drained: it has no request any more\n`],
      drained.stderr,
    )
    const before = load.counts.get('a')!
    assert.deepEqual(await load.seen(['b', 'c']), [])
    assert.equal((await run('back', 'remove', b)).code, 0)

    // A reload, and a gateway that dies, change none of it.
    assert.equal((await command(server, project.directory, 'reload')).code, 0)
    const listed = (await run('back')).stdout
    assert.match(listed, /^upstream back {3}round-robin\n/)
    assert.match(listed, new RegExp(`${a} +draining`))
    assert.match(listed, new RegExp(`${b} +removed .*the file has it`))
    assert.match(listed, new RegExp(`${c} +up +weight 2 .*added by jumak upstream`))
    assert.deepEqual(await load.seen(['c']), [])
    assert.equal(load.counts.get('a'), before)
    assert.deepEqual(await load.stop(), [])

    server.expectLog(/the gateway was killed by SIGKILL/)
    const { pid } = server.gateway()
    process.kill(pid, 'SIGKILL')
    await server.waitForLog(/the gateway was killed by SIGKILL/)
    const names = await withClient(server.target, async client => {
      const all = new Set<string>()
      for (let i = 0; i < 10; i++) {
        const response = await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').response()
        all.add((JSON.parse(response.body.toString()) as Reached).server)
      }
      return [...all]
    })
    assert.deepEqual(names, ['c'])

    const wrong = await run('bakc', 'drain', a)
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /no upstream 'bakc'; did you mean back\?/)
    assert.match((await run('back', 'remove', c)).stderr, /would have no server that gets requests/)
    assert.equal((await run('back', 'add', 'nonsense:port')).code, 2)
    await server.stop()
  })

function command(server: Server, directory: string, ...words: string[]): Promise<Result> {
  return new Promise(resolve => {
    const socket = join(server.temporaryDirectory, 'admin.sock')
    const all = [...words, '--admin-socket', socket]
    execFile(join(ROOT, 'bin/jumak'), all, { cwd: directory }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
  })
}

/** Eight clients that ask one request after another. */
function startLoad(server: Server) {
  const counts = new Map<string, number>()
  const lost: string[] = []
  let isOver = false
  let waiting: (() => void)[] = []
  const clients = Array.from({ length: 8 }, () =>
    withClient(server.target, async client => {
      while (!isOver) {
        const { status, body } = await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').response()
        if (status === 200) {
          const name = (JSON.parse(body.toString()) as Reached).server
          counts.set(name, (counts.get(name) ?? 0) + 1)
        } else lost.push(`${status} ${body.toString()}`)
        const told = waiting
        waiting = []
        for (const one of told) one()
      }
    }),
  )
  return {
    counts,
    /** Each of these has answered five more requests. Resolves with what was lost. */
    seen: async (names: readonly string[]) => {
      const goals = names.map(name => [name, (counts.get(name) ?? 0) + 5] as const)
      while (goals.some(([name, goal]) => (counts.get(name) ?? 0) < goal))
        await new Promise<void>(resolve => waiting.push(resolve))
      return lost
    },
    stop: async () => {
      isOver = true
      await Promise.all(clients)
      return lost
    },
  }
}
