import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serializeHead, serializeInterim, serializeSwitch } from './serializer.ts'

const head = (status: number, ...headers: string[]) => ({ status, reason: '', headers: ['Date', 'now', ...headers] })

test('Date is added when it is missing, once (RFC9110§6.6.1)', () => {
  assert.match(serializeHead({ status: 200, reason: '', headers: [] }, '1.1', false, true).text, /\r\nDate: .* GMT\r\n/)
  assert.equal(serializeHead(head(200), '1.1', false, true).text.match(/Date/g)?.length, 1)
})

test('a head that comes again is answered as if it came once: by its request, and with the date of the moment', t => {
  const again = { status: 200, reason: '', headers: ['X-Again', '1', 'Content-Length', '3'], comesAgain: true }
  const once = { ...again, comesAgain: false }
  const now = Date.now()
  for (const later of [0, 0, 5000, 5000, 0]) {
    t.mock.method(Date, 'now', () => now + later)
    for (const version of ['1.1', '1.0'] as const)
      for (const isHead of [false, true])
        for (const keepAlive of [true, false])
          assert.deepEqual(
            serializeHead(again, version, isHead, keepAlive),
            serializeHead(once, version, isHead, keepAlive),
          )
  }
})

test('the framing follows version, status and method (RFC9112§6.3)', () => {
  assert.equal(serializeHead(head(200, 'Content-Length', '3'), '1.1', false, true).framing, 'length')
  assert.equal(serializeHead(head(200), '1.1', false, true).framing, 'chunked')
  assert.equal(serializeHead(head(200), '1.0', false, true).framing, 'close')
  for (const status of [204, 304]) assert.equal(serializeHead(head(status), '1.1', false, true).framing, 'none')
  const forHead = serializeHead(head(200, 'Content-Length', '3'), '1.1', true, true)
  assert.equal(forHead.framing, 'none')
  assert.match(forHead.text, /Content-Length: 3/)
})

test('the connection header is ours (RFC9112§9.3)', () => {
  assert.doesNotMatch(serializeHead(head(200, 'Content-Length', '0'), '1.1', false, true).text, /Connection/)
  assert.match(serializeHead(head(200, 'Content-Length', '0'), '1.0', false, true).text, /Connection: keep-alive/)
  assert.match(serializeHead(head(200, 'Content-Length', '0'), '1.1', false, false).text, /Connection: close/)
  const closing = serializeHead(head(200, 'Content-Length', '0', 'connection', 'Keep-Alive, Close'), '1.1', false, true)
  assert.equal(closing.keepAlive, false)
  assert.equal(closing.text.match(/connection/gi)?.length, 1)
})

test('hop-by-hop fields and the framing of an application are dropped (RFC9110§7.6.1)', () => {
  const { text, framing } = serializeHead(
    head(
      200,
      'Transfer-Encoding',
      'gzip',
      'Keep-Alive',
      'x',
      'UPGRADE',
      'y',
      'TE',
      'z',
      'Trailer',
      'a',
      'Proxy-Connection',
      'b',
      'X',
      'kept',
    ),
    '1.1',
    false,
    true,
  )
  assert.equal(framing, 'chunked')
  assert.equal(text, 'HTTP/1.1 200 OK\r\nDate: now\r\nX: kept\r\nTransfer-Encoding: chunked\r\n\r\n')
})

test('repeated fields and cookies stay apart, in order, spelled as given', () => {
  const { text } = serializeHead(
    head(200, 'Set-Cookie', 'a=1', 'sEt-cOOkie', 'b=2', 'Content-Length', '0'),
    '1.1',
    false,
    true,
  )
  assert.ok(text.includes('\r\nSet-Cookie: a=1\r\nsEt-cOOkie: b=2\r\n'))
})

test('one Content-Length: equal ones are joined, different or invalid ones refused (RFC9110§8.6)', () => {
  const { text, length } = serializeHead(head(200, 'Content-Length', '5', 'content-length', '5'), '1.1', false, true)
  assert.equal(length, 5)
  assert.equal(text.match(/content-length/gi)?.length, 1)
  assert.throws(
    () => serializeHead(head(200, 'Content-Length', '5', 'Content-Length', '6'), '1.1', false, true),
    /both 5 and 6/,
  )
  for (const value of ['', '-1', '+1', '1,1', '0x1', ' 1'])
    assert.throws(() => serializeHead(head(200, 'Content-Length', value), '1.1', false, true), /Content-Length/)
})

test('204 has no Content-Length; 304 may have that of the content which it does not send (RFC9110§8.6)', () => {
  assert.doesNotMatch(serializeHead(head(204, 'Content-Length', '0'), '1.1', false, true).text, /Content-Length/)
  assert.match(serializeHead(head(304, 'Content-Length', '7'), '1.1', false, true).text, /Content-Length: 7/)
})

test("an application's reason phrase, the standard one, none", () => {
  assert.match(
    serializeHead({ status: 200, reason: 'Très bien', headers: [] }, '1.1', false, true).text,
    /^HTTP\/1\.1 200 Très bien\r\n/,
  )
  assert.match(serializeHead(head(404), '1.1', false, true).text, /^HTTP\/1\.1 404 Not Found\r\n/)
  assert.match(serializeHead(head(599), '1.1', false, true).text, /^HTTP\/1\.1 599 \r\n/)
})

test('an interim response has no framing', () => {
  assert.equal(
    serializeInterim({ status: 103, reason: '', headers: ['Link', '</a.css>; rel=preload'] }),
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n',
  )
  assert.equal(
    serializeInterim({ status: 102, reason: '', headers: ['Content-Length', '5', 'Transfer-Encoding', 'chunked'] }),
    'HTTP/1.1 102 Processing\r\n\r\n',
  )
  assert.throws(() => serializeInterim({ status: 103, reason: '', headers: ['Link', 'a\r\nb'] }))
})

test('interim and final statuses are not confused: the client would misread what follows', () => {
  for (const status of [100, 101, 103, 199, 0, 99, 1000, Number.NaN])
    assert.throws(() => serializeHead(head(status), '1.1', false, true), /no final status/)
  for (const status of [101, 200, 99]) assert.throws(() => serializeInterim(head(status)), /no interim status/)
})

test('205 has no content and says so (RFC9110§15.3.6)', () => {
  const { text, framing } = serializeHead(head(205, 'Content-Length', '5'), '1.1', false, true)
  assert.equal(framing, 'none')
  assert.match(text, /Content-Length: 0\r\n/)
})

test('426 says what to upgrade to; no other status does (RFC9110§15.5.22)', () => {
  const required = serializeHead(head(426, 'Upgrade', 'websocket', 'Content-Length', '0'), '1.1', false, true)
  assert.match(required.text, /\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n$/)
  assert.equal(required.keepAlive, true)
  const last = serializeHead(head(426, 'Upgrade', 'a', 'Content-Length', '0'), '1.1', false, false)
  assert.match(last.text, /\r\nConnection: upgrade, close\r\n\r\n$/)
  assert.doesNotMatch(serializeHead(head(200, 'Upgrade', 'a'), '1.1', false, true).text, /upgrade/i)
  assert.throws(() => serializeHead(head(426, 'Upgrade', 'a\r\nb'), '1.1', false, true), /does not allow/)
})

test('101 has what the protocol says, and nothing of the connection (RFC9110§15.2.2)', () => {
  assert.equal(
    serializeSwitch('websocket', ['A', 'b', 'Content-Length', '3', 'Transfer-Encoding', 'chunked', 'Upgrade', 'x']),
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nA: b\r\n\r\n',
  )
  assert.throws(() => serializeSwitch('websocket', ['A', 'b\nC: d']), /does not allow/)
})
