import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config } from '../../config/types.ts'
import type { SiteName } from '../../sites/model.ts'
import { uncoveredNames } from './uncovered-names.ts'

const exact = (name: string): SiteName => ({ kind: 'exact', name })

function told(names: readonly SiteName[], listen: readonly string[], ...certificates: string[]): string[] {
  const bind = [
    { kind: 'tcp', host: '0.0.0.0', port: 443 },
    { kind: 'tcp', host: '0.0.0.0', port: 80, scheme: 'http' },
  ]
  const sites = { sites: [{ names, listen, place: { file: 'jumak.toml', line: 3, column: 1 } }] }
  const config = { bind, sites, tls: { isSelfSigned: false } } as unknown as Config
  return uncoveredNames([{ names: certificates }], config)
}

test('names of sites on an address with TLS need a certificate', () => {
  const problem = (name: string) => [`jumak.toml:3:1: no certificate has the name ${name}: browsers refuse it`]
  assert.deepEqual(told([exact('a.kr')], [], 'a.kr'), [])
  assert.deepEqual(told([exact('a.kr'), exact('b.kr')], [], 'a.kr'), problem('b.kr'))
  assert.deepEqual(told([exact('x.a.kr')], [], '*.a.kr'), [])
  assert.deepEqual(told([exact('y.x.a.kr')], [], '*.a.kr'), problem('y.x.a.kr'))
  assert.deepEqual(told([{ kind: 'suffix', name: '.a.kr' }], [], 'a.kr'), problem('*.a.kr'))
  assert.deepEqual(told([{ kind: 'suffix', name: '.a.kr' }], ['*:443'], '*.a.kr'), [])
  assert.deepEqual(told([exact('b.kr')], ['*:80'], 'a.kr'), [])
  assert.deepEqual(told([exact('')], [], 'a.kr'), [])
})
