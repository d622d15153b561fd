/** What a request takes with it into a location, whoever answers there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { FakeExchange } from '../../apps/testing/fake-exchange.ts'
import type { Exchange } from '../../http/exchange.ts'
import { compileSites, NO_EFFECTS } from '../../routing/sites/compile.ts'
import { Phases } from '../../routing/sites/phases.ts'
import { OPEN, PLACE, prefix, SETTINGS, site, text } from '../../routing/sites/testing/sites.ts'
import type { Location, LocationHandler, SiteLog } from '../../sites/model.ts'
import { NO_SITES } from '../../sites/testing/no-sites.ts'
import { type ContentParts, siteContent } from './content.ts'

const LOG: SiteLog = {
  name: 'own',
  target: { kind: 'file', path: '/nowhere' },
  format: '$uri',
  escape: 'none',
  condition: null,
  sample: 0,
  alwaysStatus: 0,
  alwaysSlow: 0,
  place: PLACE,
}

const APP: LocationHandler = { kind: 'app', name: 'shop' }
const PROXY: LocationHandler = {
  kind: 'proxy',
  destination: null,
  isTls: false,
  upstream: 'back',
  uri: null,
  prefix: '',
}
const LOGGED = { ...SETTINGS, logs: ['own'] }

function answer(exchange: Exchange): void {
  exchange.response.respond({ status: 200, reason: '', headers: [] }, Buffer.from('x'))
}

/** The paths that have a line in the log, when a request for `path` is over. */
async function loggedFor(path: string, locations: readonly Location[]): Promise<readonly string[]> {
  const lines: string[] = []
  const makeLogWriter = () => (request: { readonly uri: string }) => void lines.push(request.uri)
  const model = { ...NO_SITES, sites: [site({ locations })], logs: [LOG] }
  const { find, problems } = compileSites(model, { ...NO_EFFECTS, makeLogWriter })
  assert.deepEqual(problems, [])
  // Those that files and passwords need are left out.
  const parts: Partial<ContentParts> = {
    applications: new Map([['shop', answer]]),
    proxied: { handle: ({ exchange }) => answer(exchange) },
    refuse: FakeExchange.failed,
    compress: null,
  }
  const exchange = new FakeExchange({ path })
  await new Phases(find, siteContent(parts as ContentParts)).handle(exchange)
  await setImmediate()
  assert.equal(exchange.response.status, 200)
  assert.equal(exchange.hasOwnLogs, true)
  exchange.close()
  return lines
}

test('a request has a line in the logs of its location, whoever answers it', async () => {
  const locations = [
    prefix('/app/', { handler: APP, settings: LOGGED }),
    prefix('/proxy/', { handler: PROXY, settings: LOGGED }),
    prefix('/text/', { rewrites: [text('x')], settings: LOGGED }),
  ]
  for (const path of ['/app/', '/proxy/', '/text/']) assert.deepEqual(await loggedFor(path, locations), [path])
})

test('a subrequest has no line, whoever answers it', async () => {
  for (const handler of [APP, PROXY]) {
    const settings = { ...LOGGED, access: { ...OPEN, request: '/auth/' } }
    const locations: Location[] = [
      prefix('/app/', { handler: APP, settings }),
      prefix('/auth/', { handler, settings: LOGGED }),
    ]
    assert.deepEqual(await loggedFor('/app/', locations), ['/app/'])
  }
})
