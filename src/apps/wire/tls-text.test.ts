import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { getCiphers } from 'node:tls'
import type { TlsFacts } from '../../http/tls-facts.ts'
import { tlsNumbers, tlsVariables } from './tls-text.ts'

const FACTS: TlsFacts = {
  protocol: 'TLSv1.2',
  cipher: 'ECDHE-RSA-AES128-GCM-SHA256',
  serverName: '',
  alpn: '',
  isResumed: false,
  policy: '',
  client: null,
}

test('each cipher that a connection can have has the number that OpenSSL says', () => {
  const listed = execFileSync('openssl', ['ciphers', '-V', 'ALL:COMPLEMENTOFALL'], { encoding: 'utf8' })
  const numbers = new Map<string, string>()
  for (const line of listed.trim().split('\n')) {
    const [number, , name] = line.trim().split(/ +/)
    numbers.set(name!, number!.replace(/0x|,/g, '').toLowerCase())
  }
  // The command lists these two only where they are turned on.
  numbers.set('TLS_AES_128_CCM_SHA256', '1304').set('TLS_AES_128_CCM_8_SHA256', '1305')
  const possible = getCiphers()
    .map(name => name.toUpperCase())
    .filter(name => !/PSK|SRP/.test(name))
  assert.ok(possible.length > 20)
  for (const cipher of possible) assert.equal(tlsNumbers({ ...FACTS, cipher }), `;0303;${numbers.get(cipher)}`, cipher)
})

test('a cipher without a known number', () => {
  assert.equal(tlsNumbers({ ...FACTS, protocol: 'TLSv1.3', cipher: 'TLS_NEW' }), ';0304;')
})

test('variables are asked for once for a connection, and not without certificates of clients', () => {
  assert.equal(tlsVariables(FACTS), null)
  let asked = 0
  const client = {
    verify: 'NONE' as const,
    pem: '',
    subject: '',
    get variables() {
      asked++
      return ['SSL_CLIENT_VERIFY', 'NONE']
    },
  }
  const facts = { ...FACTS, client }
  for (const _ of [1, 2])
    assert.deepEqual(tlsVariables(facts), {
      names: '\0SSL_PROTOCOL\0SSL_CIPHER\0SSL_CLIENT_VERIFY',
      values: 'TLSv1.2\0ECDHE-RSA-AES128-GCM-SHA256\0NONE\0',
    })
  assert.equal(asked, 1)
})
