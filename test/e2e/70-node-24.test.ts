/** The program runs on Node 24 too: one pass through everything that touches Node's own interfaces. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureNode24 } from '../support/environments/node24.ts'
import { APPS } from '../support/paths.ts'
import { getOnce, RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'

test('serve, upload, file, stream, reload and stop on Node 24', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, env: { JUMAK_NODE: await ensureNode24() } })
  assert.equal((await getOnce(server.port, '/hello')).body.toString(), 'Hello, world!')
  server.rememberFds()
  const client = new RawClient(server.port)
  client.send('POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2000000\r\n\r\n').send(Buffer.alloc(2_000_000, 'x'))
  assert.equal((await client.response()).body.length, 2_000_000)
  assert.equal((await client.get('/file?size=100000').response()).body.length, 100_000)
  assert.equal((await client.get('/stream?n=2').response()).body.toString(), 'chunk 0\nchunk 1\n')
  client.close()
  await server.stop()
})

test('reload on Node 24', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, env: { JUMAK_NODE: await ensureNode24() } })
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/)
  assert.equal((await getOnce(server.port, '/hello')).status, 200)
  await server.stop()
})
