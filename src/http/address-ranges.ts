/** Sets of addresses: single ones, ranges, and the other end of a Unix socket. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

export interface AddressRanges {
  /** `address`: IPv4 or IPv6; empty for the other end of a Unix socket. */
  has(address: string): boolean
}

/** `list`: addresses, CIDR ranges, and `unix` for clients of Unix sockets. Throws for anything else, naming it. */
export function addressRanges(list: readonly string[]): AddressRanges {
  const block = new BlockList()
  let unix = false
  for (const entry of list) {
    // An entry that is only half understood would mean other addresses: `10.0.0.1/` is not `10.0.0.1/0`.
    const [, address = '', bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
    const family = familyOf(address)
    if (entry === 'unix') unix = true
    else if (family === null || Number(bits ?? 0) > (family === 'ipv4' ? 32 : 128))
      throw new Error(`not an address, a range or 'unix': ${entry}`)
    else if (bits === undefined) block.addAddress(address, family)
    else block.addSubnet(address, Number(bits), family)
  }
  return {
    has(address) {
      if (address === '') return unix
      const family = familyOf(address)
      return family !== null && block.check(address, family)
    },
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  return isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : null
}
