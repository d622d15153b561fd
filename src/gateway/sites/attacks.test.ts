/** What strangers try with sites, in memory: orders of applications that echo, answers of auth-request, addresses that are made up. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FakeExchange, type FakeRequest } from '../../apps/testing/fake-exchange.ts'
import { CountedFiles } from '../../base/testing/counted-files.ts'
import { LocationFiles } from '../../handlers/static/locations.ts'
import type { HttpError } from '../../http/errors.ts'
import { headerValue } from '../../http/headers.ts'
import { trustedProxies } from '../../http/trusted-proxies.ts'
import { LimitMemories } from '../../limits/memories.ts'
import { compileSites, NO_EFFECTS, type SiteEffects } from '../../routing/sites/compile.ts'
import { Phases } from '../../routing/sites/phases.ts'
import { OPEN, PLACE, prefix, SETTINGS, site } from '../../routing/sites/testing/sites.ts'
import type { Location, SitesModel } from '../../sites/model.ts'
import { NO_SITES } from '../../sites/testing/no-sites.ts'
import { createServe } from '../serve.ts'
import { siteContent } from './content.ts'
import { limitSteps } from './limits.ts'
import { policies } from './policies.ts'

const APP = { kind: 'app', name: 'shop' } as const
const SECRET = 'nobody may read this'

interface Parts {
  readonly locations: readonly Location[]
  readonly effects?: SiteEffects
  readonly limits?: SitesModel['limits']
}

/** A site whose application answers with the status in X-Status, and says X-Accel-Redirect with what X-To has. */
function siteOf({ locations, effects = NO_EFFECTS, limits = [] }: Parts) {
  const files = new CountedFiles(16)
  const { find, problems } = compileSites({ ...NO_SITES, sites: [site({ locations })], limits }, effects)
  assert.deepEqual(problems, [])
  const content = siteContent({
    applications: new Map([
      [
        'shop',
        ({ request, response }) => {
          const status = Number(headerValue(request.headers, 'x-status') ?? 200)
          const to = headerValue(request.headers, 'x-to')
          const headers = to === undefined ? [] : ['X-Accel-Redirect', to]
          response.respond({ status, reason: '', headers }, Buffer.from(`the shop at ${request.path}`))
        },
      ],
    ]),
    files: new LocationFiles(files, FakeExchange.failed),
    policyOf: policies(),
    proxied: null,
    logins: null,
    refuse: FakeExchange.failed,
    strayFile: () => {},
    status: null,
    compress: null,
  })
  const entry = { handler: new Phases(find, content).handle }
  const ask = async (serve: (exchange: FakeExchange) => void | Promise<void>, request: FakeRequest) => {
    const exchange = new FakeExchange(request)
    await serve(exchange)
    await exchange.over()
    const error = exchange.error as HttpError | null
    return { status: error?.status ?? exchange.sent.status, text: exchange.sent.text }
  }
  return {
    entry,
    ask: (request: FakeRequest) => ask(entry.handler as (one: FakeExchange) => void, request),
    askBy: ask,
  }
}

function directory(t: TestContext): string {
  const base = mkdtempSync(join(tmpdir(), 'jumak-attacks-'))
  t.after(() => rmSync(base, { recursive: true }))
  for (const name of ['media/deep', 'media-secret', 'other']) mkdirSync(join(base, name), { recursive: true })
  for (const name of ['media/7.pdf', 'media/deep/x']) writeFileSync(join(base, name), 'an invoice')
  for (const name of ['secret', 'media-secret/x', 'media/.env', 'other/x']) writeFileSync(join(base, name), SECRET)
  symlinkSync('../other', join(base, 'media/link'))
  return base
}

test('X-Accel-Redirect with what a client has sent leads out of no directory, and to no hidden file', async t => {
  const base = directory(t)
  const alias = (path: string, to: string, isInternal = true): Location =>
    prefix(path, { isInternal, handler: { kind: 'files', alias: { path: join(base, to), prefix: path } } })
  const locations = [
    prefix('/', { handler: APP }),
    alias('/media/', 'media/'),
    // A slash is missing: nginx has /srv/media-secret/x for it.
    alias('/m', 'media'),
  ]
  const { ask } = siteOf({ locations })
  assert.equal((await ask({ path: '/x', headers: ['x-to', '/media/7.pdf'] })).text, 'an invoice')
  assert.equal((await ask({ path: '/x', headers: ['x-to', '/media/deep/%2e%2e/7.pdf'] })).text, 'an invoice')
  const up = ['..', '%2e%2e', '%252e%252e', '.%2e', '..%00', '..%5c', '..\\', '%c0%ae%c0%ae', '..;', '...', '.']
  const targets = ['/media/', '/m/', '/m', '/media/deep/', '/media', ''].flatMap(start =>
    up.flatMap(one =>
      ['/', '%2f', '//', '%5c'].flatMap(slash =>
        ['secret', 'media-secret/x', 'other/x', '.env', `${one}${slash}secret`].map(
          name => `${start}${one}${slash}${name}`,
        ),
      ),
    ),
  )
  const others = [
    '/media/.env',
    '/media/%2eenv',
    '/m-secret/x',
    '/media/link/x',
    `${base}/secret`,
    `file://${base}/secret`,
  ]
  for (const target of [...targets, ...others]) {
    const { text } = await ask({ path: '/x', headers: ['x-to', target] })
    assert.ok(!text.includes(SECRET), target)
  }
})

test('X-Accel-Redirect to itself ends', async () => {
  const { ask } = siteOf({ locations: [prefix('/', { handler: APP })] })
  assert.equal((await ask({ path: '/x', headers: ['x-to', '/x'] })).status, 500)
})

test('auth-request: only 2xx lets a client in, whatever it asks with', async () => {
  const access = { ...OPEN, request: '/ask/' }
  const locations = [
    prefix('/', { handler: APP, settings: { ...SETTINGS, access } }),
    prefix('/ask/', { handler: APP, isInternal: true }),
  ]
  const { ask } = siteOf({ locations })
  const asked = (status: number, request: FakeRequest = {}) =>
    ask({ ...request, path: '/x', headers: ['x-status', String(status)] })
  for (const status of [101, 199, 300, 301, 302, 304, 400, 404, 407, 429, 500, 503])
    for (const request of [{}, { method: 'POST', body: Buffer.from('x') }, { isWebSocket: true }, { method: 'HEAD' }])
      assert.equal((await asked(status, request)).status, 500, `${status} ${JSON.stringify(request)}`)
  assert.equal((await asked(401)).status, 401)
  assert.equal((await asked(403)).status, 403)
  assert.equal((await asked(204)).status, 204, 'the application itself')
})

test('a limit by address counts whom a trusted proxy names, and nobody that a client makes up', async () => {
  const limit = { name: 'a', key: '$remote_addr', of: { kind: 'rate', interval: 60_000_000 }, place: PLACE } as const
  const use = { name: 'a', burst: 0, delay: 0, status: 429, isDryRun: false }
  const settings = { ...SETTINGS, limits: [use] }
  const { entry, askBy } = siteOf({
    locations: [prefix('/', { handler: APP, settings })],
    limits: [limit],
    effects: { ...NO_EFFECTS, makeLimitStep: limitSteps([limit], new LimitMemories(false), () => {}) },
  })
  const serve = createServe({
    entry,
    trusted: trustedProxies(['10.0.0.1']),
    forwardedHeaders: ['x-forwarded-for', 'x-forwarded-proto'],
    onRefused: () => {},
    respond: FakeExchange.failed,
    onBug: error => assert.fail(error),
  })
  const statuses = async (address: string, ...headers: string[]) =>
    (await askBy(serve, { path: '/x', address, headers })).status
  // A client of our own.
  assert.equal(await statuses('192.0.2.1'), 200)
  for (let i = 0; i < 5; i++) {
    assert.equal(await statuses('192.0.2.1', 'x-forwarded-for', `198.51.100.${i}`), 429)
    assert.equal(await statuses('192.0.2.1', 'x-real-ip', `198.51.100.${i}`), 429)
    assert.equal(await statuses('192.0.2.1', 'forwarded', `for=198.51.100.${i}`), 429)
  }
  // One behind the proxy, that writes addresses before the one that the proxy adds.
  assert.equal(await statuses('10.0.0.1', 'x-forwarded-for', '203.0.113.7'), 200)
  for (let i = 0; i < 5; i++)
    assert.equal(await statuses('10.0.0.1', 'x-forwarded-for', `198.51.100.${i}, 203.0.113.7`), 429)
  assert.equal(await statuses('10.0.0.1', 'x-forwarded-for', '203.0.113.8'), 200, 'another client')
})

test('a hidden script is not run, unless the configuration names the script', async () => {
  const asked = (params: readonly { name: string; value: string }[]) => {
    const own = {
      ...SETTINGS.params,
      splitPathInfo: '^(.+\\.php)(/.*)$',
      params: { ...SETTINGS.params.params, fastcgi: params },
    }
    const settings = { ...SETTINGS, root: '/srv', params: own }
    return siteOf({ locations: [prefix('/', { handler: { kind: 'fastcgi', upstream: 'x' }, settings })] }).ask
  }
  const byPath = asked([])
  for (const path of ['/.hid.php', '/uploads/.x.php/info', '/.git/x.php', '/%2ehid.php', '/a/../.x.phtml'])
    assert.equal((await byPath({ path })).status, 404, path)
  // There is no upstream in this test.
  const passedOn = /null/
  await assert.rejects(async () => byPath({ path: '/index.php/.x' }), passedOn)
  await assert.rejects(async () => byPath({ path: '/.well-known/x.php' }), passedOn)
  await assert.rejects(async () => byPath({ path: '/browser/.gitignore' }), passedOn)
  const byName = asked([{ name: 'SCRIPT_FILENAME', value: '/srv/index.php' }])
  await assert.rejects(async () => byName({ path: '/.hid.php' }), passedOn)
})
