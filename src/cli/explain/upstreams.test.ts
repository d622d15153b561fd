/** What explain says where a location passes its requests on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loaded, SHOP } from '../../config/testing/applications.ts'
import { explainRequest } from '../../gateway/sites/explained.ts'
import { addressesOf } from './addresses.ts'
import { reportOf } from './report.ts'
import { makeRequest } from './request.ts'
import { readExplainWords } from './words.ts'

test('an upstream that auth-request asks is not the one that answers', async t => {
  const given = loaded(
    t,
    `${SHOP}[[site]]
locations = [
  { match = "/", app = "shop", auth-request = "/auth/" },
  { match = "/auth/", proxy = "http://127.0.0.1:9000" },
]
`,
  )
  const words = readExplainWords(['/cart'])
  assert.ok('url' in words)
  const asked = makeRequest(words, given.config)
  assert.ok('request' in asked)
  const explained = await explainRequest(given.config, { ...asked, address: words.from })
  const { answer, steps } = reportOf(explained, asked, given)
  assert.ok(answer.from === 'application' && answer.application === 'shop', JSON.stringify(answer))
  const said = steps.filter(({ kind }) => kind === 'access').map(({ what, result }) => `${what}: ${result}`)
  assert.deepEqual(said, [
    'upstream 127.0.0.1:9000: decides, which only the running program knows: here it lets the client in',
    'auth-request /auth/: lets the client in',
  ])
})

test('a group says how it keeps clients and who waits', async t => {
  const given = loaded(
    t,
    `${SHOP}[[upstream]]
name = "back"
servers = "127.0.0.1:9000 max-conns=2"
sticky = "cookie srv"
queue = "10"
[[site]]
locations = [{ match = "/", proxy = "http://back" }]
`,
  )
  const words = readExplainWords(['/'])
  assert.ok('url' in words)
  const asked = makeRequest(words, given.config)
  assert.ok('request' in asked)
  const { answer } = reportOf(await explainRequest(given.config, { ...asked, address: words.from }), asked, given)
  assert.ok(answer.from === 'upstream')
  assert.deepEqual([answer.sticky, answer.queue], ['srv', 10])
})

test('a server that the request chooses is named where it may be asked; else the refusal is', async t => {
  const given = loaded(
    t,
    `${SHOP}[[site]]
locations = [{ match = "/", proxy = "http://$arg_to", proxy-allow-hosts = ["*.internal.test:8000"] }]
`,
  )
  const answerTo = async (url: string) => {
    const words = readExplainWords([url])
    assert.ok('url' in words)
    const asked = makeRequest(words, given.config)
    assert.ok('request' in asked)
    const explained = await explainRequest(given.config, { ...asked, address: words.from })
    return reportOf(explained, asked, given).answer
  }
  const allowed = await answerTo('/x?to=A.internal.test:8000')
  assert.ok(allowed.from === 'upstream')
  assert.deepEqual([allowed.upstream, allowed.servers], ['a.internal.test:8000', ['a.internal.test:8000']])
  const refused = await answerTo('/x?to=evil.test:8000')
  assert.ok(refused.from === 'error' && refused.status === 403, JSON.stringify(refused))
})

test('a server that is asked by TLS is told with its name, SNI and the addresses that names have now', async t => {
  const given = loaded(
    t,
    `${SHOP}[[upstream]]
name = "back"
servers = ["a.test:8443 weight=2", "10.0.0.1:8443", "gone.test:1 backup"]
[[site]]
proxy-ssl-name = "api.internal"
locations = [
  { match = "/", proxy = "https://back" },
  { match = "/loose/", proxy = "https://back", proxy-ssl-verify = false, proxy-ssl-server-name = false },
]
`,
  )
  const answerTo = async (url: string) => {
    const words = readExplainWords([url])
    assert.ok('url' in words)
    const asked = makeRequest(words, given.config)
    assert.ok('request' in asked)
    const explained = await explainRequest(given.config, { ...asked, address: words.from })
    assert.ok(explained.outcome.kind === 'upstream')
    const addresses = await addressesOf(explained.outcome.group.servers, host =>
      host === 'gone.test'
        ? Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))
        : Promise.resolve([{ address: host === 'a.test' ? '10.0.0.9' : host }]),
    )
    const { answer } = reportOf(explained, asked, given, addresses)
    assert.ok(answer.from === 'upstream')
    return answer
  }
  const { servers, tls } = await answerTo('/x')
  assert.deepEqual(servers, [
    'a.test:8443 weight=2 (10.0.0.9)',
    '10.0.0.1:8443',
    'gone.test:1 backup (does not resolve now: ENOTFOUND)',
  ])
  assert.equal(tls, 'the certificate must be for api.internal; SNI api.internal')
  const loose = await answerTo('/loose/x')
  assert.equal(loose.tls, 'no certificate is verified (proxy-ssl-verify); no SNI (proxy-ssl-server-name)')
})
