import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serializeHead, serializeTrailers } from './serializer.ts'
import { connect, GET } from './testing/connect.ts'

const head = (...headers: string[]) => ({
  status: 200,
  reason: '',
  headers: ['Date', 'now', ...headers],
  hasTrailers: true,
})

test('trailers follow the last chunk (RFC9112§7.1.2), also when all comes in one turn', () => {
  const { transport } = connect(({ response }) => {
    response.start(head())
    response.write(Buffer.from('abc'))
    response.end(['x-sum', '3'])
  })
  transport.receive(GET)
  assert.equal(
    transport.text,
    'HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 3\r\n\r\n',
  )
  transport.receive(GET)
  assert.equal(transport.text.match(/200 OK/g)?.length, 2)
})

test("the application's Trailer names those that will come (RFC9110§6.6.2)", () => {
  const { transport } = connect(({ response }) => {
    response.start(head('Trailer', 'X-Sum', 'Content-Length', '3', 'trailer', 'X-Time'))
    response.write(Buffer.from('abc'))
    response.end(['X-Sum', '3', 'X-Time', '1'])
  })
  transport.receive(GET)
  assert.ok(transport.text.includes('\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Time\r\n\r\n'))
  transport.receive('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.ok(transport.text.endsWith('now\r\nContent-Length: 3\r\n\r\n'))
})

test('a Trailer cannot split the response', () => {
  assert.throws(() => serializeHead(head('Trailer', 'a\nb'), '1.1', false, true), /trailer has a character/)
})

test('trailers replace a declared length', () => {
  const { transport } = connect(({ response }) => {
    response.start(head('Content-Length', '3'))
    response.write(Buffer.from('abc'))
    response.end(['x-sum', '3'])
  })
  transport.receive(GET)
  assert.match(transport.text, /\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 3\r\n\r\n$/)
  assert.ok(!transport.text.includes('Content-Length'))
})

test('trailers that were not announced change nothing, nor do any in HTTP/1.0', () => {
  const text = (request: string, hasTrailers: boolean) => {
    const { transport } = connect(({ response }) => {
      response.start({ ...head('Content-Length', '3', 'Trailer', 'x-sum'), hasTrailers })
      response.write(Buffer.from('abc'))
      response.end(['x-sum', '3'])
    })
    transport.receive(request)
    return transport.text
  }
  assert.match(text(GET, false), /now\r\nContent-Length: 3\r\n\r\nabc$/)
  assert.match(text('GET / HTTP/1.0\r\n\r\n', true), /now\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc$/)
})

test('a field that frames, routes or describes the message is no trailer (RFC9110§6.5.1)', () => {
  const names = ['Content-Length', 'transfer-encoding', 'Host', 'Set-Cookie', 'Trailer', 'connection', 'content-type']
  assert.equal(serializeTrailers([...names.flatMap(name => [name, '1']), 'X-Ok', '1']), '0\r\nX-Ok: 1\r\n\r\n')
  assert.throws(() => serializeTrailers(['x', 'a\r\nb']), /does not allow/)
  assert.throws(() => serializeTrailers(['x y', 'a']), /not a header name/)
})
