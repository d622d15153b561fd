/** Which proxies are trusted: what they say about a client is believed. */
import { addressRanges } from './address-ranges.ts'

export interface TrustedProxies {
  /** `address` is empty for the other end of a Unix socket. */
  isTrusted(address: string): boolean
}

/** `list`: as for `addressRanges`. */
export function trustedProxies(list: readonly string[]): TrustedProxies {
  const ranges = addressRanges(list)
  return { isTrusted: address => ranges.has(address) }
}
