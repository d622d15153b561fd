import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testConfig } from '../../config/testing/config.ts'
import { addressRanges } from '../../http/address-ranges.ts'
import { MemoryTransport } from '../../http/testing/memory-transport.ts'
import { trustedProxies } from '../../http/trusted-proxies.ts'
import { assembleAdmission } from '../assemble.ts'
import { Refusals } from '../errors/refusals.ts'
import { fromFrontServers } from './front-servers.ts'

test('only servers of params-from are read', async () => {
  const events: string[] = []
  const connection = {
    ...{ isIdle: true, isReading: false, isOver: false, streamCount: null },
    ...{ startDrain() {}, release() {}, destroy() {} },
  }
  const protocol = fromFrontServers(
    { open: () => connection, startDrain: () => events.push('drain') },
    addressRanges(['127.0.0.1', 'unix']),
    server => events.push(`refused ${server}`),
  )
  class From extends MemoryTransport {
    override readonly remoteAddress: string

    constructor(address: string) {
      super()
      this.remoteAddress = address
    }
  }
  for (const address of ['127.0.0.1', ''])
    assert.equal(
      protocol.open(new From(address), () => {}),
      connection,
    )
  const stranger = new From('192.0.2.1')
  const refused = protocol.open(stranger, () => events.push('closed'))
  assert.deepEqual([refused.isOver, refused.isIdle], [true, true])
  await new Promise(setImmediate)
  protocol.startDrain()
  assert.deepEqual(events, ['refused 192.0.2.1', 'closed', 'drain'])
})

test('a server in front may have many connections, where there is a listener for it', () => {
  const config = testConfig({ limits: { connectionsPerAddress: 1 }, paramsFrom: ['127.0.0.1'], trustedProxies: [] })
  const refusals = new Refusals(() => {})
  const trusted = trustedProxies([])
  for (const [scheme, isLimited] of [
    ['uwsgi', false],
    ['http', true],
  ] as const) {
    const admission = assembleAdmission({ config, refusals, trusted }, [{ scheme }])
    assert.notEqual(admission.admit('127.0.0.1'), null)
    assert.equal(admission.admit('127.0.0.1') === null, isLimited, scheme)
  }
  refusals.flush()
})
