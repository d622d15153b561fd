import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../../apps/testing/fake-exchange.ts'
import type { HttpError } from '../../http/errors.ts'
import { compileSites, NO_EFFECTS } from '../../routing/sites/compile.ts'
import { Phases } from '../../routing/sites/phases.ts'
import { prefix, site } from '../../routing/sites/testing/sites.ts'
import { NO_SITES } from '../../sites/testing/no-sites.ts'
import { TrafficCount } from '../traffic.ts'
import { type ContentParts, siteContent } from './content.ts'
import { statusJson, statusText } from './status.ts'

const OTHERS = { accepted: 100, requests: 1000, reading: 0, writing: 4, waiting: 6 }

/** A gateway whose other threads have `OTHERS`, with `status` at two paths. */
function gateway(): (path: string, method?: string) => Promise<FakeExchange> {
  const traffic = new TrafficCount(
    () => ({ accepted: 9, reading: 1, writing: 2, waiting: 3 }),
    () => OTHERS,
  )
  const locations = [
    prefix('/text', { handler: { kind: 'status', form: 'text' } }),
    prefix('/json', { handler: { kind: 'status', form: 'json' } }),
  ]
  const { find, problems } = compileSites({ ...NO_SITES, sites: [site({ locations })] }, NO_EFFECTS)
  assert.deepEqual(problems, [])
  // What files, passwords and applications need is left out.
  const parts: Partial<ContentParts> = {
    status: form => (form === 'json' ? statusJson(traffic.all) : statusText(traffic.all)),
    refuse: FakeExchange.failed,
    compress: null,
  }
  const handler = traffic.count(new Phases(find, siteContent(parts as ContentParts)).handle)
  return async (path, method = 'GET') => {
    const exchange = new FakeExchange({ path, method })
    await handler(exchange)
    return exchange
  }
}

test('status as text is that of stub_status, of all threads, with the request that asks', async () => {
  const ask = gateway()
  const { response } = await ask('/text')
  assert.equal(
    response.text,
    'Active connections: 16 \nserver accepts handled requests\n 109 109 1001 \nReading: 1 Writing: 6 Waiting: 9 \n',
  )
  assert.deepEqual(response.head?.headers.slice(0, 4), ['Content-Type', 'text/plain', 'Cache-Control', 'no-store'])
  assert.match((await ask('/text')).response.text, /^ 109 109 1002 $/m)
})

test('status as JSON', async () => {
  const { response } = await gateway()('/json')
  assert.deepEqual(JSON.parse(response.text), {
    connections: { active: 16, accepted: 109, handled: 109, reading: 1, writing: 6, waiting: 9 },
    requests: 1001,
  })
})

test('status can only be read', async () => {
  const { error } = await gateway()('/text', 'POST')
  assert.equal((error as HttpError).status, 405)
})
