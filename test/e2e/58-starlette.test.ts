/** Starlette's own responses: files, ranges, streams, background tasks, clients that leave. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ensureEnvironment, testedPythons } from '../support/environments/environments.ts'
import { APPS } from '../support/paths.ts'
import { RawClient } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'

for (const { version } of await testedPythons()) {
  describe(`Starlette on Python ${version}`, () => {
    const content = Buffer.from(Array.from({ length: 100_000 }, (_, number) => `${number}\n`).join(''))
    let server: Server
    let path: string

    before(async () => {
      const { python } = await ensureEnvironment({ python: version, packages: 'asgi' })
      server = await startServer({ app: 'starlette_app:app', directory: APPS, python, args: ['-w', '1'] })
      path = join(server.temporaryDirectory, 'jumak-test-file.txt')
      writeFileSync(path, content)
      await get('/noted/file')
      await get('/numbers')
      server.rememberFds()
    })
    after(async () => {
      rmSync(path)
      await server.stop()
    })

    async function get(url: string, headers: Record<string, string> = {}, method = 'GET') {
      const response = await fetch(server.url + url, { headers, method })
      return { response, status: response.status, body: Buffer.from(await response.arrayBuffer()) }
    }

    test('FileResponse: the whole file leaves by http.response.pathsend', async () => {
      const from = server.log.length
      const { response, body } = await get('/noted/file')
      assert.equal(response.headers.get('content-length'), String(content.length))
      assert.match(response.headers.get('content-disposition')!, /soup\.txt/)
      assert.ok(body.equals(content))
      await server.waitForLog(/sent http\.response\.pathsend/, from)
      assert.ok(!server.log.slice(from).some(line => line.includes('sent http.response.body')))
    })

    test('FileResponse to HEAD: the same head, no content', async () => {
      const { response, body } = await get('/noted/file', {}, 'HEAD')
      assert.equal(response.headers.get('content-length'), String(content.length))
      assert.equal(body.length, 0)
    })

    test('FileResponse and Range: one part, the last bytes, none that fits (RFC9110§14)', async () => {
      const one = await get('/noted/file', { range: 'bytes=1000-200000' })
      assert.deepEqual(
        [one.status, one.response.headers.get('content-range')],
        [206, `bytes 1000-200000/${content.length}`],
      )
      assert.ok(one.body.equals(content.subarray(1000, 200_001)))
      assert.equal((await get('/noted/file', { range: 'bytes=-6' })).body.toString(), '99999\n')
      assert.equal((await get('/noted/file', { range: `bytes=${content.length}-` })).status, 416)
    })

    // The last Starlette for Python 3.9 sends one byte more than its Content-Length then.
    if (!version.startsWith('3.9.')) {
      test('FileResponse and Range: several parts (RFC9110§14.6)', async () => {
        const several = await get('/noted/file', { range: 'bytes=0-1, 100-103' })
        assert.equal(several.status, 206)
        assert.equal(Number(several.response.headers.get('content-length')), several.body.length)
        for (const part of [content.subarray(0, 2), content.subarray(100, 104)]) assert.ok(several.body.includes(part))
      })
    }

    test('FileResponse and If-Range: the part while the file is the same, else all of it (RFC9110§13.1.5)', async () => {
      const etag = (await get('/noted/file')).response.headers.get('etag')!
      const range = 'bytes=0-9'
      assert.equal((await get('/noted/file', { range, 'if-range': etag })).status, 206)
      const other = await get('/noted/file', { range, 'if-range': '"another"' })
      assert.deepEqual([other.status, other.body.length], [200, content.length])
    })

    test('StaticFiles: a file, and 304 for a client that has it', async () => {
      const { response, body } = await get('/static/starlette_app.py')
      assert.ok(body.equals(readFileSync(join(APPS, 'starlette_app.py'))))
      const again = await get('/static/starlette_app.py', { 'if-none-match': response.headers.get('etag')! })
      assert.deepEqual([again.status, again.body.length], [304, 0])
    })

    test('server-sent events are flushed one by one; the generator ends with its client', async () => {
      const client = new RawClient(server.port).get('/events')
      await client.readUntil('data: 0\n\n')
      // The application goes on only now, so an event that is held back would never come.
      for (const number of [1, 2]) {
        await get('/go/events')
        await client.readUntil(`data: ${number}\n\n`)
      }
      client.close()
      // Starlette notices it when an event cannot be sent. It can still send some before it hears of the end.
      const isOver = () => server.log.some(line => line.includes('the events are over'))
      for (let tries = 0; tries < 100 && !isOver(); tries++) await get('/go/events')
      await server.waitForLog(/the events are over/)
    })

    test('a generator that runs in threads is streamed whole', async () => {
      assert.equal((await get('/numbers')).body.toString().split('\n').length, 10_001)
    })

    test('a background task runs when the response has been read', async () => {
      assert.equal((await get('/background')).status, 200)
      // The task waits for a request that is sent after the response, so the response did not wait for the task.
      await get('/go/background')
      await server.waitForLog(/done in the background/)
    })

    test('request.is_disconnected() becomes true when the client closes', async () => {
      const client = new RawClient(server.port).get('/disconnected')
      await server.waitForLog(/waiting for a client to go/)
      client.close()
      await server.waitForLog(/it has gone/)
    })

    test('an upload that stops half-way is a ClientDisconnect', async () => {
      const client = new RawClient(server.port)
      client.send('POST /stopped HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\nthe first words')
      await server.waitForLog(/ reading$/)
      client.close()
      await server.waitForLog(/the rest never came/)
    })
  })
}
