import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certificatesIn } from './pem.ts'

const certificate = (content: string) => `-----BEGIN CERTIFICATE-----\n${content}\n-----END CERTIFICATE-----`

test('certificates are found between comments and other blocks, in their order', () => {
  const other = '-----BEGIN X509 CRL-----\nCCCC\n-----END X509 CRL-----'
  const text = `# mine\n${certificate('AAAA')}\n${other}\n${certificate('BBBB')}\n`
  assert.deepEqual(certificatesIn(text), [certificate('AAAA'), certificate('BBBB')])
  assert.deepEqual(certificatesIn(other), [])
})
