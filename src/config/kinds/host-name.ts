/** `shop.example.kr`, `*.example.kr`: names by which clients call a server, in the one form in which they are compared. Pure. */
import { domainToASCII } from 'node:url'
import type { Parsed } from '../diagnostics.ts'
import { isPlainIPv6 } from './ip.ts'

/** RFC1035§2.3.4: a name, and a label of it. */
const [MAX_NAME, MAX_LABEL] = [253, 63]
const LABEL = /^[a-z0-9_-]+$/

/** In ASCII (IDNA) and lower case, without the dot at its end. An IPv6 address is in brackets, in its shortest form. */
export function parseHostName(text: string): Parsed<string> {
  const wrong = { problem: 'must be a name as in shop.example.kr, or *.example.kr for all names below it' }
  if (text === '*') return { problem: 'must be a name: without hosts an application is for all of them' }
  if (/^\w+:\/\//.test(text)) return { problem: 'must be a name alone, without http:// and path' }
  if (/^[^[\]:]+:\d*$|\]:\d*$/.test(text)) return { problem: 'must be a name without a port' }
  const address = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  if (isPlainIPv6(address)) return { value: URL.parse(`http://[${address}]/`)?.hostname ?? text }
  const isWild = text.startsWith('*.')
  const plain = (isWild ? text.slice(2) : text).replace(/\.$/, '')
  if (!/^[^\s/\\?#@%*:[\]<>^|]+$/.test(plain)) return wrong
  const name = domainToASCII(plain)
  const isLabel = (label: string) => label.length <= MAX_LABEL && LABEL.test(label)
  if (name.length > MAX_NAME || !name.split('.').every(isLabel)) return wrong
  return { value: isWild ? `*.${name}` : name }
}
