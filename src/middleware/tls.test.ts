/** The middleware around requests over TLS: rules of client certificates, redirect to https, HSTS. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange, type FakeRequest } from '../apps/testing/fake-exchange.ts'
import type { Middleware } from '../http/exchange.ts'
import type { ClientCertificate, TlsFacts } from '../http/tls-facts.ts'
import { clientCertificates } from './client-certificates.ts'
import { hsts } from './hsts.ts'
import { httpsRedirect } from './https-redirect.ts'

function facts(policy: string, verify: ClientCertificate['verify'] | null): TlsFacts {
  const client = verify === null ? null : { verify, variables: [], pem: '', subject: '' }
  return { protocol: 'TLSv1.3', cipher: 'c', serverName: '', alpn: '', isResumed: false, policy, client }
}

/** What came of a request: `passed`, a status with its message, or the headers of the answer. */
function ask(
  middleware: (refused: (status: number, message: string) => void) => Middleware,
  request: FakeRequest,
  tls: TlsFacts | null,
) {
  const exchange = new FakeExchange(request)
  exchange.local = { ...exchange.local, tls }
  let result = ''
  const refused = (status: number, message: string) => {
    result = `${status} ${message}`
  }
  void middleware(refused)(one => {
    result = 'passed'
    one.response.respond({ status: 200, reason: '', headers: ['X-Own', 'a'] }, Buffer.from('a'))
  })(exchange)
  return { result, headers: exchange.sent.head?.headers ?? [], status: exchange.sent.status }
}

const POLICIES: Readonly<Record<string, string>> = { open: 'open', closed: 'closed', maybe: 'maybe' }
const rules = (refused: (status: number, message: string) => void) =>
  clientCertificates({
    policyOf: authority => POLICIES[authority] ?? null,
    isOptional: policy => policy === 'maybe',
    refuse: (_, error) => refused(error.status, error.message),
  })
const certificate = (authority: string, tls: TlsFacts | null) => ask(rules, { authority }, tls).result

test('a request for a host with other rules than those of its connection is misdirected', () => {
  assert.match(certificate('closed', facts('open', null)), /^421 .*other rules/)
  assert.equal(certificate('open', facts('open', null)), 'passed')
  assert.equal(certificate('nobody', facts('open', null)), 'passed')
  assert.equal(certificate('closed', null), 'passed')
})

test('only a right certificate is let in where one is required, and none at all where it is optional', () => {
  assert.equal(certificate('closed', facts('closed', 'SUCCESS')), 'passed')
  assert.equal(certificate('closed', facts('closed', 'NONE')), '400 This host requires a client certificate')
  assert.equal(certificate('maybe', facts('maybe', 'NONE')), 'passed')
  for (const host of ['closed', 'maybe'])
    assert.equal(
      certificate(host, facts(host, 'FAILED:certificate has expired')),
      '400 The client certificate was refused: certificate has expired',
    )
})

const redirect = (port: number) => (refused: (status: number, message: string) => void) =>
  httpsRedirect({
    port,
    hostOf: authority => (authority.startsWith('shop.example') ? 'shop.example' : null),
    refuse: (_, error) => refused(error.status, error.message),
  })

test('a plain request is sent to the same target over https, with the port if it is not the standard one', () => {
  const request = { authority: 'shop.example:80', path: '/a%20b', query: 'c=1' }
  const standard = ask(redirect(443), request, null)
  assert.deepEqual(
    [standard.status, standard.headers.slice(0, 2)],
    [308, ['Location', 'https://shop.example/a%20b?c=1']],
  )
  assert.equal(ask(redirect(8443), request, null).headers[1], 'https://shop.example:8443/a%20b?c=1')
})

test('no redirect to a host that no certificate names, of a challenge, or of what is https already', () => {
  assert.match(ask(redirect(443), { authority: 'evil.example' }, null).result, /^421/)
  const challenge = { authority: 'shop.example', path: '/.well-known/acme-challenge/x' }
  assert.equal(ask(redirect(443), challenge, null).result, 'passed')
  assert.equal(ask(redirect(443), { authority: 'shop.example', scheme: 'https' }, facts('open', null)).result, 'passed')
})

test('HSTS is said over TLS only', () => {
  const has = (tls: TlsFacts | null) => ask(() => hsts(300), {}, tls).headers
  assert.deepEqual(has(facts('open', null)), ['X-Own', 'a', 'Strict-Transport-Security', 'max-age=300'])
  assert.deepEqual(has(null), ['X-Own', 'a'])
})

test('an application that says HSTS by itself is right', () => {
  const exchange = new FakeExchange({})
  exchange.local = { ...exchange.local, tls: facts('open', null) }
  const headers = ['strict-transport-security', 'max-age=1']
  void hsts(300)(one => one.response.respond({ status: 200, reason: '', headers }, Buffer.alloc(0)))(exchange)
  assert.deepEqual(exchange.sent.head?.headers, headers)
})
