/** Which location's compression a response has, and where it stands beside what locations add to the head. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../../apps/testing/fake-exchange.ts'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { OpenFiles } from '../../base/open-files.ts'
import { PoolShares } from '../../base/pool-shares.ts'
import { Encoders } from '../../compression/encoders.ts'
import { COMPRESSION, prose } from '../../compression/testing/compressed.ts'
import { KeptCodings } from '../../handlers/static/kept-codings.ts'
import type { Exchange } from '../../http/exchange.ts'
import { headerValue } from '../../http/headers.ts'
import { NO_EFFECTS } from '../../routing/sites/compile.ts'
import { model, prefix, SETTINGS, site, text } from '../../routing/sites/testing/sites.ts'
import type { Location, LocationSettings } from '../../sites/model.ts'
import type { SharedParts } from '../shared-parts.ts'
import { siteCompression } from './compression.ts'
import { Sites } from './sites.ts'

const ON = { ...COMPRESSION, minLength: 0 }
const OFF = { ...ON, files: false, responses: false }

function place(path: string, settings: Partial<LocationSettings>, of: Partial<Location> = {}): Location {
  return prefix(path, { handler: { kind: 'app', name: 'shop' }, settings: { ...SETTINGS, ...settings }, ...of })
}

function application(exchange: Exchange): void {
  const { path } = exchange.request
  const order = path === '/order' ? ['X-Accel-Redirect', '/inner/'] : []
  exchange.response.respond({ status: 200, reason: '', headers: ['Content-Type', 'text/html', ...order] }, prose(2000))
}

const LOCATIONS = [
  place('/on/', { compression: ON }),
  place('/off/', { compression: OFF }),
  place('/order', { compression: OFF }),
  place('/inner/', { compression: ON }, { isInternal: true }),
  place('/added/', {
    compression: ON,
    addHeaders: [{ name: 'Cache-Control', value: 'no-transform', always: false }],
  }),
  place(
    '/text/',
    { compression: ON, defaultType: 'text/plain' },
    {
      handler: { kind: 'none' },
      rewrites: [text(String(prose(2000)))],
    },
  ),
]

test('the location where the request is when the head leaves says whether it is compressed', async () => {
  const encoders = new Encoders(new MemoryBudget(), new PoolShares())
  const openFiles = new OpenFiles()
  // Those that the proxy needs are left out.
  const parts = { space: { files: openFiles }, encoders, kept: new KeptCodings(encoders, openFiles) } as SharedParts
  const sites = new Sites(model(site({ locations: LOCATIONS })), parts, NO_EFFECTS, null, FakeExchange.failed, () => {})
  const handler = sites.handler(new Map([['shop', application]]))
  const codingOf = async (path: string) => {
    const exchange = new FakeExchange({ path, headers: ['accept-encoding', 'gzip'] })
    await handler(exchange)
    await exchange.over()
    const { headers } = exchange.response.head!
    return headerValue(
      headers.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text)),
      'content-encoding',
    )
  }
  assert.equal(await codingOf('/on/'), 'gzip')
  assert.equal(await codingOf('/off/'), undefined)
  assert.equal(await codingOf('/order'), 'gzip')
  assert.equal(await codingOf('/added/'), undefined)
  assert.equal(await codingOf('/text/'), 'gzip')
})

test('where no location compresses responses there is nothing to call', () => {
  const encoders = new Encoders(new MemoryBudget(), new PoolShares())
  const having = (...locations: Location[]) => model(site({ locations }))
  assert.equal(siteCompression(having(place('/a/', { compression: { ...OFF, files: true } })), encoders), null)
  const nested = place('/a/', { compression: OFF }, { locations: [place('/a/b/', { compression: ON })] })
  assert.notEqual(siteCompression(having(nested), encoders), null)
})
