import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applicationRoot } from '../../http/application-root.ts'
import { decodePathBytes } from '../../http/path.ts'
import type { ClientCertificate, TlsFacts } from '../../http/tls-facts.ts'
import { FakeExchange, type FakeRequest } from '../testing/fake-exchange.ts'
import { readEnviron } from '../testing/fake-worker.ts'
import { writeRequest as writeToSlot } from './encode.ts'
import { EnvironWriter, writeEnviron } from './environ.ts'
import { FrameWriter } from './frame-writer.ts'
import { FRAME_HEADER } from './frames.ts'
import { MULTIPLEX_HEADER } from './multiplex.ts'
import { writeRequest } from './multiplex-encode.ts'

const TLS: TlsFacts = {
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  serverName: 'example.com',
  alpn: '',
  isResumed: false,
  policy: '',
  client: null,
}

function environ(request: FakeRequest, changes: Partial<FakeExchange> = {}, bodyLength = 0): Map<string, string> {
  const writer = new FrameWriter()
  writeEnviron(writer, Object.assign(new FakeExchange(request), changes), bodyLength, applicationRoot('', ''))
  return readEnviron(writer.bytes())
}

test('a request is the same on a link that carries many and on that of a slot, but for the header of its frame', () => {
  const root = applicationRoot('/outer', '/shop')
  const exchange = Object.assign(new FakeExchange({ path: '/outer/shop/a%20b', headers: ['accept', '*/*'] }), {
    id: 'r-1',
  })
  for (const inline of ['', 'content', null]) {
    const [many, slot] = [new FrameWriter(), new FrameWriter()]
    writeRequest(many, 7, exchange, new EnvironWriter(root), { inline, bodyLength: 7 })
    writeToSlot(slot, exchange, inline, 7, root)
    assert.equal(many.bytes().toString('hex', MULTIPLEX_HEADER), slot.bytes().toString('hex', FRAME_HEADER))
  }
})

test('PATH_INFO has the decoded bytes as latin-1; invalid escapes stay', () => {
  assert.equal(decodePathBytes('/caf%C3%A9'), '/caf\xc3\xa9')
  assert.equal(decodePathBytes('/a%2Fb%2fc%25'), '/a/b/c%')
  assert.equal(decodePathBytes('/%zz%4'), '/%zz%4')
  assert.equal(decodePathBytes('*'), '')
})

test('scheme, version and peer are in the environ', () => {
  const env = environ({ scheme: 'https', version: '1.0' })
  assert.equal(env.get('wsgi.url_scheme'), 'https')
  assert.equal(env.get('SERVER_PROTOCOL'), 'HTTP/1.0')
  assert.equal(env.get('REMOTE_ADDR'), '192.0.2.1')
  assert.equal(env.get('REMOTE_PORT'), '4711')
})

test('REMOTE_USER is who has proved a password; a header cannot set it', () => {
  const headers = ['remote-user', 'root']
  assert.equal(environ({ headers }).has('REMOTE_USER'), false)
  assert.equal(environ({ headers }, { user: 'ann' }).get('REMOTE_USER'), 'ann')
  assert.equal(environ({ headers }, { user: 'ann' }).get('HTTP_REMOTE_USER'), 'root')
})

test('HTTPS is there where the scheme is https, also when a trusted proxy says so; a header cannot set it', () => {
  assert.equal(environ({ scheme: 'https' }).get('HTTPS'), 'on')
  assert.equal(environ({ scheme: 'https', tls: TLS }).get('HTTPS'), 'on')
  const forged = environ({ headers: ['https', 'on', 'ssl-client-verify', 'SUCCESS'] })
  assert.equal(forged.has('HTTPS'), false)
  assert.deepEqual([forged.get('HTTP_HTTPS'), forged.get('HTTP_SSL_CLIENT_VERIFY')], ['on', 'SUCCESS'])
  // A proxy that speaks TLS to us says that its client does not.
  assert.equal(environ({ scheme: 'http', tls: TLS }).has('HTTPS'), false)
})

test('SSL_… are there where clients are asked for a certificate, and only there', () => {
  const ssl = (request: FakeRequest) => [...environ(request)].filter(([name]) => name.startsWith('SSL_'))
  assert.deepEqual(ssl({ scheme: 'https' }), [])
  assert.deepEqual(ssl({ scheme: 'https', tls: TLS }), [])
  const anna: ClientCertificate = {
    verify: 'SUCCESS',
    variables: ['SSL_CLIENT_VERIFY', 'SUCCESS', 'SSL_CLIENT_CERT', '-----\nx\n-----\n'],
    pem: '',
    subject: '',
  }
  const expected = [
    ['SSL_PROTOCOL', 'TLSv1.3'],
    ['SSL_CIPHER', 'TLS_AES_128_GCM_SHA256'],
    ['SSL_CLIENT_VERIFY', 'SUCCESS'],
    ['SSL_CLIENT_CERT', '-----\nx\n-----\n'],
  ]
  const request: FakeRequest = { scheme: 'https', tls: { ...TLS, client: anna }, path: '/a%00b', headers: ['a', 'b'] }
  for (const _ of [1, 2, 3]) {
    assert.deepEqual(ssl(request), expected)
    assert.equal(environ(request).get('PATH_INFO'), '/a\0b')
    assert.equal(environ(request).get('HTTP_A'), 'b')
  }
  const nobody: ClientCertificate = { verify: 'NONE', variables: ['SSL_CLIENT_VERIFY', 'NONE'], pem: '', subject: '' }
  assert.deepEqual(ssl({ ...request, tls: { ...TLS, client: nobody } })[2], ['SSL_CLIENT_VERIFY', 'NONE'])
  assert.deepEqual(ssl({ ...request, tls: { ...TLS, client: null } }), [], 'the same headers on another connection')
})

test('SERVER_NAME and SERVER_PORT are where the request came in, or what the client named if a proxy speaks for it', () => {
  const direct = environ({ authority: 'shop.example:81' })
  assert.deepEqual([direct.get('SERVER_NAME'), direct.get('SERVER_PORT')], ['127.0.0.1', '8000'])
  const peer = { address: '198.51.100.7', port: 0, socketAddress: '127.0.0.1' }
  const proxied = environ({ authority: 'shop.example', scheme: 'https' }, { peer } as Partial<FakeExchange>)
  assert.deepEqual([proxied.get('SERVER_NAME'), proxied.get('SERVER_PORT')], ['shop.example', '443'])
  const local = { address: '/run/app.sock', port: 0, tls: null }
  const unix = environ({ authority: '[::1]:8080' }, { local } as Partial<FakeExchange>)
  assert.deepEqual([unix.get('SERVER_NAME'), unix.get('SERVER_PORT')], ['[::1]', '8080'])
  const nameless = environ({ authority: '' }, { local } as Partial<FakeExchange>)
  assert.deepEqual([nameless.get('SERVER_NAME'), nameless.get('SERVER_PORT')], ['localhost', '80'])
  assert.equal(nameless.has('HTTP_HOST'), false)
})

test('PATH_INFO is what follows the root path, or the whole path where a proxy has taken the root path away', () => {
  const path = (text: string) => {
    const writer = new FrameWriter()
    writeEnviron(writer, new FakeExchange({ path: text }), 0, applicationRoot('/shop', ''))
    return readEnviron(writer.bytes()).get('PATH_INFO')
  }
  assert.deepEqual(['/shop/a', '/shop', '/shop/', '/shopping', '/a'].map(path), ['/a', '', '/', '/shopping', '/a'])
})

test('a mounted application gets what follows the proxy’s root path and its own path', () => {
  const write = (request: FakeRequest, rootPath: string) => {
    const writer = new FrameWriter()
    writeEnviron(writer, new FakeExchange(request), 0, applicationRoot(rootPath, '/shop'))
    const env = readEnviron(writer.bytes())
    return [env.get('SCRIPT_NAME'), env.get('PATH_INFO')]
  }
  assert.deepEqual(write({ path: '/shop/a' }, ''), [undefined, '/a'])
  assert.deepEqual(write({ path: '/shop' }, ''), [undefined, ''])
  assert.deepEqual(write({ path: '/%73hop%2fa' }, ''), [undefined, '/a'])
  for (const path of ['/outer/shop/a', '/shop/a']) {
    assert.deepEqual(write({ path }, '/outer'), [undefined, '/a'])
    assert.deepEqual(write({ path, rootPath: '/outer' }, ''), ['/outer/shop', '/a'])
    assert.deepEqual(write({ path, rootPath: '/outer' }, '/other'), ['/outer/shop', '/a'])
  }
})

test('a root path that is no ASCII is compared as bytes', () => {
  const writer = new FrameWriter()
  writeEnviron(writer, new FakeExchange({ path: '/caf%C3%A9/1' }), 0, applicationRoot('/café', ''))
  assert.equal(readEnviron(writer.bytes()).get('PATH_INFO'), '/1')
})

test('a request’s own root path is its SCRIPT_NAME, instead of the configured one', () => {
  const write = (request: FakeRequest) => {
    const writer = new FrameWriter()
    writeEnviron(writer, new FakeExchange(request), 0, applicationRoot('/shop', ''))
    const env = readEnviron(writer.bytes())
    return [env.get('SCRIPT_NAME'), env.get('PATH_INFO'), env.get('REMOTE_ADDR')]
  }
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(write({ path: '/app/a', rootPath: '/app' }), ['/app', '/a', '192.0.2.1'])
    assert.deepEqual(write({ path: '/a', rootPath: '/app' }), ['/app', '/a', '192.0.2.1'])
    assert.deepEqual(write({ path: '/app/a' }), [undefined, '/app/a', '192.0.2.1'])
  }
})

test('HTTP_HOST is the authority, which takes precedence over the Host header (RFC9112§3.2.2)', () => {
  assert.equal(
    environ({ authority: 'real.example', headers: ['host', 'other.example'] }).get('HTTP_HOST'),
    'real.example',
  )
})

test('CONTENT_LENGTH is the true length of the content, and absent without content', () => {
  assert.equal(environ({}).has('CONTENT_LENGTH'), false)
  assert.equal(environ({ headers: ['content-length', '0'] }).get('CONTENT_LENGTH'), '0')
  const sized = environ({ headers: ['content-length', '3'], body: Buffer.from('abc') }, {}, 3)
  assert.equal(sized.get('CONTENT_LENGTH'), '3')
  assert.equal(sized.has('HTTP_CONTENT_LENGTH'), false)
})

test('repeated headers are joined whether their name is known, new or too long to be remembered', () => {
  const long = `x-${'y'.repeat(100)}`
  for (const name of ['accept', 'x-never-seen-before', long]) {
    const env = environ({ headers: [name, '1', 'cookie', 'a', name, '2', 'cookie', 'b'] })
    assert.equal(env.get(`HTTP_${name.toUpperCase().replaceAll('-', '_')}`), '1,2')
    assert.equal(env.get('HTTP_COOKIE'), 'a; b')
  }
})

test('HTTP_X_REQUEST_ID is the id of the exchange, whatever the client has sent', () => {
  const env = environ({ headers: ['x-request-id', 'a client’s', 'x-request-id', 'two'] }, { id: 'r-1' })
  assert.equal(env.get('HTTP_X_REQUEST_ID'), 'r-1')
})

test('invented names are not all remembered, and none gets lost', () => {
  for (let i = 0; i < 3000; i++) assert.equal(environ({ headers: [`x-${i}`, 'v'] }).get(`HTTP_X_${i}`), 'v')
})

test('requests whose headers differ in name, order or number have their own names, in whatever order they come', () => {
  const sorts: FakeRequest[] = [
    { headers: ['accept', 'a', 'range', 'r'] },
    { headers: ['range', 'r', 'accept', 'a'] },
    { headers: ['accept', 'a', 'cookie', 'c'] },
    { headers: ['accept', 'a'] },
    { headers: ['accept', 'a', 'range', 'r'], authority: '' },
    { headers: ['accept', 'a', 'content-length', '0'] },
    { headers: ['accept', 'a', 'content-type', 't'] },
    { headers: ['accept', 'a', 'accept', 'b'] },
    { headers: Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? `x-${i}` : 'v')) },
  ]
  const seen = sorts.map(request => environ(request))
  assert.equal(new Set(seen.map(one => JSON.stringify([...one]))).size, sorts.length)
  for (let i = 0; i < 50; i++) {
    const at = (i * 7) % sorts.length
    assert.deepEqual([...environ(sorts[at]!).keys()], [...seen[at]!.keys()])
  }
})

test('no header makes a key but its own HTTP_ name', () => {
  const token = fc.stringMatching(/^[a-z0-9!#$%&'*+.^`|~-]{1,20}$/)
  const own = new Set(environ({ authority: 'h' }).keys())
  fc.assert(
    fc.property(fc.array(fc.tuple(token, fc.constant('v')), { maxLength: 8 }), headers => {
      for (const key of environ({ authority: 'h', headers: headers.flat() }).keys()) {
        assert.ok(own.has(key) || key.startsWith('HTTP_') || key === 'CONTENT_TYPE' || key === 'CONTENT_LENGTH', key)
        assert.notEqual(key, 'HTTP_PROXY')
      }
    }),
  )
})
