import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prefix, SETTINGS, site } from '../routing/sites/testing/sites.ts'
import { NO_SITES } from '../sites/testing/no-sites.ts'
import { doubtsOfLimits } from './limit-doubts.ts'

function doubtOf(key: string, hasTls = false): string {
  const place = { file: 'j.toml', line: 3, column: 1 }
  const use = { name: 'a', burst: 0, delay: 0, status: 429, isDryRun: false }
  const root = prefix('', { settings: { ...SETTINGS, limits: [use] } })
  const limits = [{ name: 'a', key, of: { kind: 'connections', most: 2 } as const, place }]
  return doubtsOfLimits({ ...NO_SITES, sites: [site({ root })], limits }, hasTls).join()
}

test('a limit that limits nobody is told', () => {
  assert.match(doubtOf('$sent_http_x'), /^j\.toml, line 3.*: .* empty until the request is answered|^j\.toml:3/)
  assert.match(doubtOf('$ssl_client_s_dn'), /no address of bind has TLS/)
  assert.match(doubtOf('$remote_addr $request_id'), /another text for each request/)
  assert.match(doubtOf('$http_x_forwarded_for'), /a client sends there what it likes/)
  for (const key of ['$remote_addr', '$server_name', 'all', '$remote_addr$http_user_agent', '$mine'])
    assert.equal(doubtOf(key), '', key)
  assert.equal(doubtOf('$ssl_client_s_dn', true), '')
})

test('a limit that nobody uses is told', () => {
  const limit = {
    name: 'a',
    key: '$remote_addr',
    of: { kind: 'rate', interval: 1 } as const,
    place: { file: 'j.toml', line: 3, column: 1 },
  }
  assert.match(
    doubtsOfLimits({ ...NO_SITES, sites: [site({})], limits: [limit] }, false).join(),
    /no site and no location has "a"/,
  )
})
