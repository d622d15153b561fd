/** How the end of content is told, through all processes: trailers of an ASGI application, HEAD after `write()`, chunk extensions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whyNoPython } from '../support/environments/environments.ts'
import { APPS } from '../support/paths.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'

const skip = await whyNoPython()

test('ASGI: trailers arrive behind chunked content, whatever length the application gave (RFC9110§6.5)', {
  skip,
}, async () => {
  const server = await startServer({ app: 'asgi_raw:application', directory: APPS, args: ['-w', '1'] })
  const client = new RawClient(server.port)
  for (const way of ['open', 'length', 'pieces']) {
    const { body, trailers, header } = await client.get(`/trailers/${way}`, 'TE: trailers').response()
    assert.deepEqual([body.toString(), trailers], ['hello', [['x-sum', '5']]], way)
    assert.deepEqual([header('trailer'), header('content-length')], ['X-Sum', undefined], way)
  }
  // For a client that does not ask for them (RFC9110§10.1.4) nothing changes.
  const plain = await client.get('/trailers/length').response()
  assert.deepEqual([plain.header('content-length'), plain.header('trailer'), plain.trailers], ['5', undefined, []])
  // They have no place in HTTP/1.0, and none without content.
  const head = await client.send('HEAD /trailers/length HTTP/1.1\r\nHost: t\r\nTE: trailers\r\n\r\n').response('HEAD')
  assert.deepEqual([head.header('content-length'), head.header('trailer')], ['5', undefined])
  const old = await client.send('GET /trailers/length HTTP/1.0\r\nTE: trailers\r\n\r\n').response()
  assert.deepEqual([old.body.toString(), old.header('trailer')], ['hello', undefined])
  client.close()
  await server.stop()
})

test('WSGI: HEAD says the length of a GET or none, also after write(); extensions keep to their grammar (RFC9112§7.1.1)', {
  skip,
}, async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1'] })
  const client = new RawClient(server.port)
  const path = '/write-callable'
  const whole = await client.get(path).response()
  assert.equal(whole.body.toString(), 'written 1\nwritten 2\nreturned\n')
  const head = await client.send(`HEAD ${path} HTTP/1.1\r\nHost: t\r\n\r\n`).response('HEAD')
  assert.equal(head.header('content-length'), whole.header('content-length'))
  const chunked = 'POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n'
  const echoed = await client.send(`${chunked}2;a;b="c;d"\r\nab\r\n0;e=f\r\n\r\n`).response()
  assert.equal(echoed.body.toString(), 'ab')
  assert.equal((await client.send(`${chunked}2;a="b\r\nab\r\n0\r\n\r\n`).response()).status, 400)
  client.close()
  await server.stop()
})
