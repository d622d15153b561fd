/** Which network a client's address belongs to: what counts as one client. Any client with IPv6 has a network of 64 bits to itself. */

/**
 * An IPv4 address as it is, also one that is written as IPv6 (`::ffff:192.0.2.7`); the first four groups of an IPv6 address. `address`:
 * textual form of either; the same network has one text, whatever the form.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  if (address.includes('.')) return address.slice(address.lastIndexOf(':') + 1)
  const [head = '', tail] = address.split('::')
  const left = groups(head)
  if (tail === undefined) return left.slice(0, 4).join(':')
  const right = groups(tail)
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  return [...left, ...zeros, ...right].slice(0, 4).join(':')
}

/** `2001:DB8:0001` → `2001`, `db8`, `1`. */
function groups(text: string): string[] {
  return text === '' ? [] : text.split(':').map(group => group.toLowerCase().replace(/^0+/, '') || '0')
}
