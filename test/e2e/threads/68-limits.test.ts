/** Limits with several threads of the gateway: exact over all of them, kept over HUP, and without what a dead thread had. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { test } from 'node:test'
import { threadFaults } from '../../support/faults.ts'
import { APPS } from '../../support/paths.ts'
import { Project } from '../../support/project.ts'
import { getOnce, RawClient } from '../../support/raw-client.ts'
import { startServer, until } from '../../support/server.ts'

const skip = !isBuiltin('node:ffi') && 'needs Node 26, with its module node:ffi'

const TOML = `
gateway-threads = 3

[[app]]
name = "main"
app = "plain"
workers = 1
chdir = "${APPS}"

[[limit]]
name = "often"
rate = "1/h"

[[limit]]
name = "at-once"
connections = 6

[[site]]
root = "public"
locations = [
  { match = "/x", limits = ["often burst=20 nodelay"] },
  { match = "/large", limits = ["at-once"] },
  { match = "/app", app = "main" },
]
`

test('threads together let in what one would, over HUP too; a dead one holds nothing', { skip }, async t => {
  const faults = threadFaults(t)
  const project = new Project(t, { 'jumak.toml': TOML })
  mkdirSync(project.path('public'))
  writeFileSync(project.path('public/x'), 'a file')
  writeFileSync(project.path('public/large'), Buffer.alloc(20_000_000))
  const server = await startServer({ directory: project.directory, env: faults.env })
  server.mayLog(/it is too much for the limit/)
  server.mayLog(/error gateway +thread \d of the gateway has died/)
  const ask = async () => (await getOnce(server.port, '/x')).status
  const passed = async (count: number) => {
    const all = await Promise.all(Array.from({ length: count }, ask))
    return all.filter(status => status === 200).length
  }
  assert.equal(await passed(15), 15)
  project.save('jumak.toml', TOML.replace('/large"', '/large", etag = false'))
  const from = server.log.length
  server.signal('SIGHUP')
  await server.waitForLog(/ ready$| serv(?:es|ing)/, from)
  assert.equal(await passed(30), 6)

  const clients = Array.from({ length: 6 }, () => new RawClient(server.port))
  t.after(() => {
    for (const client of clients) client.socket.destroy()
  })
  for (const client of clients) {
    client.get('/large')
    assert.equal((await client.head()).status, 200)
    client.socket.pause()
  }
  assert.equal((await getOnce(server.port, '/large')).status, 429)
  const ups = faults.ups(1)
  await faults.inject(1, 'exit')
  await faults.up(1, ups + 1)
  let status = 0
  await until(
    async () => {
      const client = new RawClient(server.port)
      status = (await client.get('/large').head()).status
      client.socket.destroy()
      return status === 200
    },
    () => `a request instead of those of the dead thread: ${status}`,
  )
  for (const client of clients) client.socket.destroy()
  await server.stop()
})
