/** What `proxy-allow-hosts` has: servers that requests may choose. Pure. */
import type { AllowedHost } from '../../sites/upstream-model.ts'
import type { Parsed } from '../diagnostics.ts'
import { isIPv4, isPlainIPv6 } from './ip.ts'

const EXAMPLE =
  'must be a server with its port, as in api.test:8000, *.internal.test:8000-8099, 10.0.0.5:8000 or [::1]:8000'
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
/** Others would read it as an address. */
const NUMBER = /^(?:\d+|0x[0-9a-f]*)$/

/** `api.test:8000`, `*.internal.test:8000-8099`, `10.0.0.5:8000`, `[::1]:8000`; without a port the name of an `[[upstream]]`. */
export function parseAllowedHost(text: string): Parsed<AllowedHost> {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(text) && !/^[\d.]+$/.test(text))
    return { value: { kind: 'upstream', name: text } }
  const [, host = '', first, last = first] = /^(.+):(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
  if (host === '') return { problem: EXAMPLE }
  const [least, most] = [Number(first), Number(last)]
  if (least < 1 || most > 65_535 || least > most)
    return { problem: 'must have a port from 1 to 65535, or a range of them as in 8000-8099' }
  const literal = /^\[(.*)\]$/.exec(host)?.[1]
  if (literal !== undefined && isPlainIPv6(literal)) return { value: { kind: 'address', name: literal, least, most } }
  if (isIPv4(host)) return { value: { kind: 'address', name: host, least, most } }
  if (host === '*' || host === '*.')
    return { problem: 'must name servers, or what their names end with: all servers together would be an open proxy' }
  const lower = host.toLowerCase().replace(/\.$/, '')
  if (lower.startsWith('*.') && isName(lower.slice(2)))
    return { value: { kind: 'suffix', name: lower.slice(2), least, most } }
  return isName(lower) ? { value: { kind: 'name', name: lower, least, most } } : { problem: EXAMPLE }
}

function isName(text: string): boolean {
  const labels = text.split('.')
  return text.length <= 253 && labels.every(label => LABEL.test(label)) && !NUMBER.test(labels.at(-1)!)
}
