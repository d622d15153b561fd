/** What a location adds to responses: security headers, CORS, flags of cookies. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../../apps/testing/fake-exchange.ts'
import { parseCookieFlags, SECURE_HEADERS } from '../../config/kinds/response-words.ts'
import { HttpError } from '../../http/errors.ts'
import { compileSites } from '../../routing/sites/compile.ts'
import { SiteRequest } from '../../routing/sites/site-request.ts'
import { model, prefix, SETTINGS, site } from '../../routing/sites/testing/sites.ts'
import type { Cors, LocationSettings } from '../../sites/model.ts'
import { addHeadFields } from './head-fields.ts'

function requestOf(settings: Partial<LocationSettings>, of: ConstructorParameters<typeof FakeExchange>[0] = {}) {
  const root = prefix('', { settings: { ...SETTINGS, ...settings } })
  const { sites } = compileSites(model(site({ root })))
  const exchange = new FakeExchange(of)
  return { exchange, request: new SiteRequest(exchange, sites[0]!, '/') }
}

/** The head that a client gets for what an application answers. */
function headOf(
  settings: Partial<LocationSettings>,
  headers: string[],
  of: ConstructorParameters<typeof FakeExchange>[0] = {},
): readonly string[] {
  const { exchange, request } = requestOf(settings, of)
  addHeadFields(request)
  exchange.response.respond({ status: 404, reason: '', headers }, Buffer.from(''))
  return exchange.sent.head!.headers
}

test('security headers stand in every response, where the application has not said it', () => {
  assert.deepEqual(headOf({ standardHeaders: SECURE_HEADERS }, []), SECURE_HEADERS)
  const own = ['x-frame-options', 'DENY', 'Content-Type', 'text/html']
  const got = headOf({ standardHeaders: SECURE_HEADERS }, own)
  assert.equal(got.filter(one => /x-frame-options/i.test(one)).length, 1)
  assert.equal(got.length, SECURE_HEADERS.length + 2)
})

const CORS: Cors = {
  origins: ['https://app.example.kr', 'https://*.shop.kr'],
  methods: ['GET', 'PUT'],
  headers: ['Content-Type'],
  exposed: ['X-Total'],
  credentials: true,
  maxAge: 3600,
}
const from = (origin: string) => ({ headers: ['origin', origin] })

test('a response is for pages of the origins that are allowed, and no cache mixes them up', () => {
  const allowed = (origin: string) => headOf({ cors: CORS }, [], from(origin)).includes('Access-Control-Allow-Origin')
  const rightOnes = ['https://app.example.kr', 'https://a.shop.kr', 'https://a.b.shop.kr']
  for (const origin of rightOnes) assert.ok(allowed(origin), origin)
  const wrongOnes = [
    'https://shop.kr',
    'https://.shop.kr.evil.com',
    'https://evil.com/.shop.kr',
    'https://evil.com?.shop.kr',
    'https://evil.com:1@a.shop.kr',
    'http://a.shop.kr',
    'https://APP.example.kr',
    'https://app.example.kr:8443',
    'https://app.example.kr.evil.com',
    'null',
    '',
  ]
  for (const origin of wrongOnes) assert.ok(!allowed(origin), origin)
  assert.deepEqual(headOf({ cors: CORS }, [], from('https://app.example.kr')), [
    ...['Access-Control-Allow-Origin', 'https://app.example.kr'],
    ...['Access-Control-Allow-Credentials', 'true'],
    ...['Access-Control-Expose-Headers', 'X-Total'],
    ...['Vary', 'Origin'],
  ])
  assert.deepEqual(headOf({ cors: CORS }, []), ['Vary', 'Origin'])
  const own = ['access-control-allow-origin', 'https://other.kr']
  assert.deepEqual(headOf({ cors: CORS }, own, from('https://app.example.kr')), own)
})

test('all origins are one answer, without Vary', () => {
  const cors = { ...CORS, origins: ['*'], credentials: false, exposed: [] }
  assert.deepEqual(headOf({ cors }, [], from('https://x.kr')), ['Access-Control-Allow-Origin', '*'])
})

test('a preflight is answered, and nothing else is taken for one', () => {
  const ask = (method: string, headers: string[]) => {
    const { request } = requestOf({ cors: CORS }, { method, headers })
    return request.site.root.cors!.preflight(request)
  }
  const asks = ['access-control-request-method', 'PUT']
  assert.deepEqual(ask('OPTIONS', ['origin', 'https://app.example.kr', ...asks]), [
    ...['Access-Control-Allow-Origin', 'https://app.example.kr', 'Access-Control-Allow-Credentials', 'true'],
    ...['Access-Control-Allow-Methods', 'GET, PUT', 'Access-Control-Allow-Headers', 'Content-Type'],
    ...['Access-Control-Max-Age', '3600', 'Vary', 'Origin'],
  ])
  const refused = ask('OPTIONS', ['origin', 'https://evil.com', ...asks])
  assert.ok(refused instanceof HttpError)
  assert.equal(refused.status, 403)
  assert.equal(ask('OPTIONS', ['origin', 'https://app.example.kr']), null)
  assert.equal(ask('OPTIONS', asks), null)
  assert.equal(ask('GET', ['origin', 'https://app.example.kr', ...asks]), null)
})

test('cookies get the flags that they have not got', () => {
  const rules = ['sessionid secure httponly samesite=lax', 'free samesite=none secure', '* secure'].map(text => {
    const parsed = parseCookieFlags(text)
    assert.ok('value' in parsed && parsed.value !== null)
    return parsed.value
  })
  const cookieOf = (value: string) => headOf({ cookieFlags: rules }, ['Set-Cookie', value])[1]
  assert.equal(cookieOf('sessionid=a=b; Path=/'), 'sessionid=a=b; Path=/; Secure; HttpOnly; SameSite=Lax')
  assert.equal(cookieOf('sessionid=x; samesite=Strict; secure'), 'sessionid=x; samesite=Strict; secure; HttpOnly')
  assert.equal(cookieOf('other=secure'), 'other=secure; Secure')
  for (const wrong of ['', 'a', 'a other', 'a samesite=none', 'a samesite=lax samesite=strict', 'a;b secure'])
    assert.ok('problem' in parseCookieFlags(wrong), wrong)
})
