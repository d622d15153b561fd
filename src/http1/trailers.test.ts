import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serializeTrailers } from './serializer.ts'
import { connect, GET } from './testing/connect.ts'

const head = (...headers: string[]) => ({ status: 200, reason: '', headers: ['Date', 'now', ...headers] })

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

test('content of a declared length has no trailers', () => {
  const { transport } = connect(({ response }) => {
    response.start(head('Content-Length', '3'))
    response.write(Buffer.from('abc'))
    response.end(['x-sum', '3'])
  })
  transport.receive(GET)
  assert.match(transport.text, /\r\n\r\nabc$/)
})

test('what frames, routes or describes the message may not come in trailers (RFC9110§6.5.1)', () => {
  const names = ['Content-Length', 'transfer-encoding', 'Host', 'Set-Cookie', 'Trailer', 'connection', 'content-type']
  assert.equal(serializeTrailers([...names.flatMap(name => [name, '1']), 'X-Ok', '1']), '0\r\nX-Ok: 1\r\n\r\n')
  assert.throws(() => serializeTrailers(['x', 'a\r\nb']), /does not allow/)
  assert.throws(() => serializeTrailers(['x y', 'a']), /not a header name/)
})
