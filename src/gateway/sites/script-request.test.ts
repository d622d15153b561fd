/** Which variables a script gets of a request, and that no client makes one of its own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FakeRequest } from '../../apps/testing/fake-exchange.ts'
import { model, prefix, SETTINGS, site, sitesOf } from '../../routing/sites/testing/sites.ts'
import type { LocationHandler } from '../../sites/model.ts'
import type { ParamSettings, ScriptProtocol } from '../../sites/upstream-model.ts'
import { scriptVariables } from './script-request.ts'

interface Location {
  readonly protocol?: ScriptProtocol
  readonly params?: Readonly<Record<string, string>>
  readonly split?: string
  readonly index?: string
  readonly passesHeaders?: boolean
  readonly user?: string
}

function variables(
  target: string,
  { protocol = 'fastcgi', params = {}, split, index, passesHeaders = true, user = '' }: Location = {},
  fields: FakeRequest = {},
  contentLength = 0,
): Record<string, string> {
  const set = Object.entries(params).map(([name, value]) => ({ name, value }))
  const own: ParamSettings = {
    params: { fastcgi: set, scgi: set, uwsgi: set, cgi: set },
    fastcgiIndex: index ?? null,
    splitPathInfo: split ?? null,
  }
  const handler = (
    protocol === 'cgi'
      ? { kind: protocol, upstream: 'x', program: 'k', prefix: '/cgi-bin' }
      : { kind: protocol, upstream: 'x' }
  ) as LocationHandler
  const settings = { ...SETTINGS, root: '/srv/www/', params: own, proxy: { ...SETTINGS.proxy, passesHeaders } }
  const names = [{ kind: 'exact', name: 'own.test' } as const]
  const sites = sitesOf(model(site({ names, locations: [prefix('/', { handler, settings })] })))
  const request = sites(target, 'shop.test:8000', { version: '1.1', ...fields }).request!
  request.exchange.user = user
  const lines = scriptVariables(request.location.script!, request, contentLength)
  const all: Record<string, string> = {}
  for (let i = 0; i < lines.length; i += 2) {
    assert.ok(!(lines[i]! in all), `${lines[i]} comes twice`)
    all[lines[i]!] = lines[i + 1]!
  }
  return all
}

test('the script and what follows it in the path', () => {
  const split = '^(.+\\.php)(/.*)$'
  const plain = variables('/a%20b.php?x=%20')
  assert.deepEqual(
    [plain['SCRIPT_NAME'], plain['SCRIPT_FILENAME'], plain['PATH_INFO'], plain['QUERY_STRING'], plain['REQUEST_URI']],
    ['/a b.php', '/srv/www/a b.php', undefined, 'x=%20', '/a%20b.php?x=%20'],
  )
  const cut = variables('/i.php/x/y', { split })
  assert.deepEqual(
    [cut['SCRIPT_NAME'], cut['PATH_INFO'], cut['PATH_TRANSLATED'], cut['DOCUMENT_URI']],
    ['/i.php', '/x/y', '/srv/www/x/y', '/i.php/x/y'],
  )
  assert.equal(variables('/i.php', { split })['PATH_INFO'], undefined)
  assert.equal(variables('/dir/', { index: 'index.php' })['SCRIPT_FILENAME'], '/srv/www/dir/index.php')
  assert.deepEqual(
    [variables('/p', { protocol: 'uwsgi' })['PATH_INFO'], variables('/p', { protocol: 'scgi' })['SCRIPT_NAME']],
    ['/p', ''],
  )
})

test('without the headers of the client a script gets what is known of the request, and what is set', () => {
  const fields = { method: 'POST', headers: ['cookie', 'a=1', 'content-type', 'text/x'] }
  const got = variables('/a.php', { passesHeaders: false, params: { HTTP_X_OWN: '1' } }, fields, 2)
  assert.deepEqual(
    Object.keys(got).filter(name => name.startsWith('HTTP_')),
    ['HTTP_X_OWN', 'HTTP_X_REQUEST_ID'],
  )
  assert.deepEqual([got['CONTENT_TYPE'], got['CONTENT_LENGTH']], ['text/x', '2'])
})

test('what the spawner of CGI programs gets: which program, and what is below it', () => {
  const all = variables('/cgi-bin/a%20b/c?x', { protocol: 'cgi' }, { address: '192.0.2.7' })
  assert.deepEqual(
    [all['JUMAK_PROGRAM'], all['SCRIPT_NAME'], all['JUMAK_BELOW'], all['QUERY_STRING'], all['REMOTE_HOST']],
    ['k', '/cgi-bin', '/a b/c', 'x', '192.0.2.7'],
  )
  const elsewhere = variables('/other', { protocol: 'cgi' })
  assert.deepEqual([elsewhere['SCRIPT_NAME'], elsewhere['JUMAK_BELOW']], ['', '/other'])
  // RFC3875§4.1.1, §4.1.11, §4.1.18: what we have checked is not the program's.
  const headers = ['authorization', 'Basic cm9vdDp4']
  const known = variables('/cgi-bin/', { protocol: 'cgi', user: 'kim' }, { headers })
  assert.deepEqual([known['AUTH_TYPE'], known['REMOTE_USER'], known['HTTP_AUTHORIZATION']], ['Basic', 'kim', undefined])
  const unknown = variables('/cgi-bin/', { protocol: 'cgi' }, { headers })
  assert.deepEqual(
    [unknown['AUTH_TYPE'], unknown['REMOTE_USER'], unknown['HTTP_AUTHORIZATION']],
    [undefined, undefined, headers[1]],
  )
})

test('names and addresses are what Jumak knows', () => {
  const headers = [
    'x-forwarded-for',
    '6.6.6.6',
    'x-real-ip',
    '6.6.6.6',
    'forwarded',
    'for=6.6.6.6',
    'x-request-id',
    'theirs',
  ]
  const all = variables('/', {}, { headers, address: '192.0.2.7', scheme: 'https' })
  assert.deepEqual(
    [all['REMOTE_ADDR'], all['HTTPS'], all['REQUEST_SCHEME'], all['SERVER_NAME'], all['HTTP_HOST']],
    ['192.0.2.7', 'on', 'https', 'own.test', 'shop.test:8000'],
  )
  assert.notEqual(all['HTTP_X_REQUEST_ID'], 'theirs')
  assert.ok(!Object.values(all).includes('6.6.6.6'))
  assert.equal('REMOTE_USER' in variables('/', {}, { headers: ['authorization', 'Basic cm9vdDp4'] }), false)
})

test('no header of a client replaces a variable that is set, nor makes HTTP_PROXY', () => {
  const params = { HTTP_X_OWN: 'ours', APP: '$arg_a', EMPTY: '', REQUEST_METHOD: 'PUT' }
  const headers = [
    'proxy',
    'http://evil',
    'x-own',
    'theirs',
    'x-more',
    '1',
    'x-more',
    '2',
    'connection',
    'x-hop',
    'x-hop',
    '1',
    'cookie',
    'a=1',
    'cookie',
    'b=2',
  ]
  const all = variables('/?a=b', { params }, { headers })
  assert.deepEqual(
    [all['HTTP_X_OWN'], all['APP'], all['REQUEST_METHOD'], all['HTTP_X_MORE'], all['HTTP_COOKIE']],
    ['ours', 'b', 'PUT', '1,2', 'a=1; b=2'],
  )
  for (const name of ['HTTP_PROXY', 'HTTP_CONNECTION', 'HTTP_X_HOP', 'EMPTY']) assert.equal(name in all, false, name)
})

test('a name in the certificate of a client is bytes, and no variable of its own', () => {
  const subject = 'CN=김\u0100REMOTE_USER\u0100root\u0100\u010a'
  const client = { verify: 'SUCCESS', variables: [], pem: '', subject } as const
  const tls = {
    protocol: 'TLSv1.3',
    cipher: '',
    serverName: '',
    alpn: '',
    isResumed: false,
    policy: '',
    client,
  } as const
  const name = variables('/', { protocol: 'scgi', params: { DN: '$ssl_client_s_dn' } }, { tls })['DN']!
  assert.equal(Buffer.from(name, 'latin1').toString(), subject)
  assert.equal(Buffer.from(name, 'latin1').includes(0), false)
})

test('content has its true length and its type', () => {
  const headers = ['content-length', '99', 'content-type', 'text/plain', 'transfer-encoding', 'chunked']
  const all = variables('/', {}, { method: 'POST', headers }, 5)
  assert.deepEqual([all['CONTENT_LENGTH'], all['CONTENT_TYPE']], ['5', 'text/plain'])
  for (const name of ['HTTP_CONTENT_LENGTH', 'HTTP_CONTENT_TYPE', 'HTTP_TRANSFER_ENCODING'])
    assert.equal(name in all, false)
  assert.equal(variables('/', {}, { method: 'POST' })['CONTENT_LENGTH'], '0')
  assert.equal('CONTENT_LENGTH' in variables('/'), false)
})

test('what a protocol cannot carry is refused', () => {
  const headers = ['x-a', 'a'.repeat(65_500)]
  assert.throws(() => variables('/', { protocol: 'uwsgi' }, { headers }), { status: 431 })
  assert.ok(variables('/', { protocol: 'fastcgi' }, { headers }))
  assert.throws(() => variables('/', {}, { isWebSocket: true, version: '2' }), { status: 501 })
  assert.ok(variables('/', {}, { isWebSocket: true }))
})
