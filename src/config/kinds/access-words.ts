/**
 * The small languages of access in the values of a site: `access` and `limit-except`. Text to plain data. Runs in the command line, and in
 * the master when it reloads. Pure.
 */
import { TOKEN } from '../../base/token.ts'
import type { AccessRule } from '../../sites/model.ts'
import type { Parsed } from '../diagnostics.ts'
import { isAddressOrRange } from './ip.ts'

/** `allow 10.0.0.0/8`, `deny all`, `allow unix:`. */
export function parseAccessRule(text: string): Parsed<AccessRule> {
  const [, word, from = ''] = /^(allow|deny)\s+(\S+)$/.exec(text.trim()) ?? []
  if (word === undefined) return { problem: 'must be as in "allow 10.0.0.0/8" or "deny all"' }
  const name = from === 'unix:' ? 'unix' : from
  if (name !== 'all' && name !== 'unix' && !isAddressOrRange(name))
    return { problem: `must have an IP address, a range as in 10.0.0.0/8, unix: or all after ${word}` }
  return { value: { allows: word === 'allow', from: name } }
}

/** `GET POST`. */
export function parseMethods(text: string): Parsed<readonly string[]> {
  const methods = text.trim().split(/\s+/)
  return methods.every(method => TOKEN.test(method) && method === method.toUpperCase())
    ? { value: methods }
    : { problem: 'must have methods in capitals, as in "GET POST"' }
}
