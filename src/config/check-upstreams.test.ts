/** What `--check` says of servers that cannot be reached by their names. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkUpstreams } from './check-upstreams.ts'
import { loaded, SHOP } from './testing/applications.ts'

test('names that do not resolve and sockets that are not there are told with their place', async t => {
  const { config } = loaded(
    t,
    `${SHOP}[[upstream]]
name = "back"
servers = ["good.test:1", "bad.test:2", "srv:_http._tcp.bad.test", "10.0.0.1:3", "unix:/nowhere/x.sock"]
[[site]]
locations = [{ match = "/", proxy = "http://back" }]
`,
  )
  const resolve = (host: string) =>
    host === 'bad.test' ? Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })) : Promise.resolve()
  const told = await checkUpstreams(config.sites.upstreams, resolve, name => resolve(name.slice('_http._tcp.'.length)))
  assert.deepEqual(
    told.map(one => one.replace(/:\d+:\d+/, '')),
    [
      'jumak.toml: the server bad.test:2 has a name that does not resolve now (ENOTFOUND)',
      'jumak.toml: the server srv:_http._tcp.bad.test has a name that does not resolve now (ENOTFOUND)',
      'jumak.toml: the server unix:/nowhere/x.sock is not there',
    ],
  )
})
