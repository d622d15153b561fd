import type { Parsed } from './diagnostics.ts'
import { isAddressOrRange } from './ip.ts'

/** One entry of `--trusted-proxies` → what the gateway is told: `*` is every range, `none` is nothing. */
export function parseTrusted(text: string): Parsed<readonly string[]> {
  if (text === '*') return { value: ['0.0.0.0/0', '::/0', 'unix'] }
  if (text === 'none') return { value: [] }
  if (text === 'loopback') return { value: ['127.0.0.0/8', '::1'] }
  if (text === 'unix' || isAddressOrRange(text)) return { value: [text] }
  return { problem: 'must be an IP address, a range as in 10.0.0.0/8, loopback, unix, none, or * for everyone' }
}
