/** Which proxies are trusted: what they say about a client is believed. */
import { addressRanges } from './address-ranges.ts'

export interface TrustedProxies {
  /** `address` is empty for the other end of a Unix socket. */
  isTrusted(address: string): boolean
  /** For requests and connections that begin later. Throws as `addressRanges`, and changes nothing then. */
  replace(list: readonly string[]): void
}

/** `list`: as for `addressRanges`. */
export function trustedProxies(list: readonly string[]): TrustedProxies {
  let ranges = addressRanges(list)
  return {
    isTrusted: address => ranges.has(address),
    replace(other) {
      ranges = addressRanges(other)
    },
  }
}
