/** Addresses in one form, and those that are no business of a name that somebody else may change. Pure. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** Addresses that are this machine, its own link, or no machine (RFC6890): a public name has no business there. */
const SPECIAL = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
  // The metadata of clouds, at the addresses that they have for all of their customers.
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['192.0.0.192', 32],
] as const)
  SPECIAL.addSubnet(network, bits, 'ipv4')
for (const [network, bits] of [
  // Unspecified, loopback, IPv4 in an old form.
  ['::', 96],
  ['fe80::', 10],
  ['ff00::', 8],
  // The same addresses of IPv4 behind a translator (RFC6052§2.1).
  ['64:ff9b::', 104],
  ['64:ff9b::127.0.0.0', 104],
  ['64:ff9b::169.254.0.0', 112],
  // And in other forms: RFC2765§2.1, RFC8215, RFC3056§2.
  ['::ffff:0:0:0', 96],
  ['64:ff9b:1::', 48],
  ['2002:7f00::', 24],
  ['2002:a9fe::', 32],
  // The metadata of clouds.
  ['fd00:ec2::', 32],
  ['fd20:ce::254', 128],
] as const)
  SPECIAL.addSubnet(network, bits, 'ipv6')

/** `canonical`: of `canonicalAddress`. */
export function isSpecialAddress(canonical: string): boolean {
  return SPECIAL.check(canonical, isIPv4(canonical) ? 'ipv4' : 'ipv6')
}

/** In its one form: IPv4 in IPv6's form is IPv4. Null: it is none. */
export function canonicalAddress(text: string): string | null {
  if (isIPv4(text)) return text
  if (!isIPv6(text) || text.includes('%')) return null
  const literal = URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1)
  if (literal === undefined) return null
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(literal)
  if (mapped === null) return literal
  const words = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)]
  return words.flatMap(word => [word >> 8, word & 0xff]).join('.')
}
