/** Which texts are IP addresses, and ranges of addresses. */
import { isIPv4, isIPv6 } from 'node:net'

export { isIPv4 }

/** Without the name of an interface (`fe80::1%eth0`), which has a meaning on one machine only. */
export function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%')
}

/** Not a name. */
export function isAddress(host: string): boolean {
  return isIPv4(host) || isPlainIPv6(host)
}

/** `10.0.0.0/8`, `fd00::/8`, or an address. */
export function isAddressOrRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const most = isIPv4(address) ? 32 : isPlainIPv6(address) ? 128 : -1
  if (most < 0 || more.length > 0) return false
  return bits === undefined || (/^(?:0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= most)
}
