/**
 * Reads the values of forwarded headers: addresses, lists of them, and Forwarded (RFC7239). Runs in the gateway, for what a trusted
 * proxy sends. Most of that comes from the proxy's client, so all of it is scanned by hand, once and from one end: the work is linear in
 * the bytes. Nothing here decides what is believed.
 */
import { isIPv4, isIPv6 } from 'node:net'

export interface Node {
  readonly address: string
  /** 0: not told. */
  readonly port: number
}

/** `[` + the longest IPv6 address + `]:65535`, and some more. */
const MAX_NODE = 64

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; null for `unknown`, `_hidden` and nonsense. */
export function parseNode(text: string): Node | null {
  const node = text.trim()
  // A zone (`fe80::1%eth0`) means something on the proxy's machine only.
  if (node.length > MAX_NODE || node.includes('%')) return null
  if (isIPv4(node) || isIPv6(node)) return { address: node, port: 0 }
  const isBracketed = node.startsWith('[')
  const end = isBracketed ? node.indexOf(']') : node.indexOf(':')
  if (end < 0) return null
  const address = isBracketed ? node.slice(1, end) : node.slice(0, end)
  if (isBracketed ? !isIPv6(address) : !isIPv4(address)) return null
  const rest = isBracketed ? node.slice(end + 1) : node.slice(end)
  if (rest === '') return { address, port: 0 }
  const port = rest.startsWith(':') ? parsePort(rest.slice(1)) : -1
  return port < 0 ? null : { address, port }
}

/** 0 to 65535; -1: `text` is no port. */
function parsePort(text: string): number {
  if (text.length === 0 || text.length > 5) return -1
  for (let i = 0; i < text.length; i++) if (!isDigit(text.charCodeAt(i))) return -1
  const port = Number(text)
  return port > 65_535 ? -1 : port
}

/** A port that can stand in an authority: not 0, and without leading zeros. */
export function isPort(text: string): boolean {
  return parsePort(text) > 0 && text[0] !== '0'
}

/** The member of a comma-separated list that is `distance` members away from its right end; the first one of a shorter list. */
export function memberFromRight(list: string, distance: number): string {
  let end = list.length
  for (;;) {
    const comma = end === 0 ? -1 : list.lastIndexOf(',', end - 1)
    if (distance === 0 || comma < 0) return list.slice(comma + 1, end).trim()
    end = comma
    distance--
  }
}

/**
 * The prefix that a proxy took from the path (`/shop`, without a slash at its end), spelled as in the header. '' when the header has no
 * plain path, or the root.
 */
export function parsePrefix(text: string): string {
  const prefix = text.endsWith('/') ? text.slice(0, -1) : text
  if (!prefix.startsWith('/')) return ''
  for (const segment of prefix.slice(1).split('/')) if (segment === '' || segment === '.' || segment === '..') return ''
  for (let i = 0; i < prefix.length; i++) {
    const code = prefix.charCodeAt(i)
    if (code <= 0x20 || code === 0x7f || code === 0x5c || code === 0x3f || code === 0x23 || code === 0x2c) return ''
  }
  return prefix
}

/** One element of Forwarded (RFC7239§4): its parameters by their lower-case names. */
export type Element = ReadonlyMap<string, string>

/**
 * The elements of one line of Forwarded, in order; null stands for a malformed one. Reading goes on behind the next comma: the proxy's
 * own element follows its client's, and a client must not be able to make it unreadable.
 */
export function parseForwarded(line: string): (Element | null)[] {
  const elements: (Element | null)[] = []
  let at = 0
  while (at <= line.length) {
    const element = new Map<string, string>()
    const end = readElement(line, at, element)
    if (end >= 0) {
      if (element.size > 0) elements.push(element)
      at = end + 1
    } else {
      elements.push(null)
      const comma = line.indexOf(',', at)
      at = comma < 0 ? line.length + 1 : comma + 1
    }
  }
  return elements
}

/** Fills `element`. Returns where the comma behind it is, or the end of the line; -1: it is malformed. */
function readElement(line: string, at: number, element: Map<string, string>): number {
  for (;;) {
    at = skipSpace(line, at)
    // Empty pairs and elements are allowed (RFC7239§4, RFC9110§5.6.1).
    if (at < line.length && line[at] !== ',' && line[at] !== ';') {
      at = readPair(line, at, element)
      if (at < 0) return -1
      at = skipSpace(line, at)
    }
    if (at >= line.length || line[at] === ',') return at
    if (line[at] !== ';') return -1
    at++
  }
}

/** `name=value`. Returns where it ends; -1: it is malformed. */
function readPair(line: string, at: number, element: Map<string, string>): number {
  const equals = endOfName(line, at)
  if (equals === at || line[equals] !== '=') return -1
  const name = line.slice(at, equals).toLowerCase()
  // Each name at most once (RFC7239§4).
  if (element.has(name)) return -1
  if (line[equals + 1] === '"') return readQuoted(line, equals + 2, name, element)
  const end = endOfValue(line, equals + 1)
  if (end === equals + 1) return -1
  element.set(name, line.slice(equals + 1, end))
  return end
}

function readQuoted(line: string, at: number, name: string, element: Map<string, string>): number {
  let value = ''
  for (let from = at; at < line.length; at++) {
    if (line[at] === '"') {
      element.set(name, value + line.slice(from, at))
      return at + 1
    }
    if (line[at] !== '\\') continue
    value += line.slice(from, at)
    from = ++at
  }
  return -1
}

function endOfName(line: string, at: number): number {
  for (; at < line.length; at++) {
    const code = line.charCodeAt(at)
    const isLetter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a
    if (!isLetter && code !== 0x2d) break
  }
  return at
}

/** More than a token: proxies often send an address with a port, or of IPv6, without the quotes that it needs. */
function endOfValue(line: string, at: number): number {
  for (; at < line.length; at++) {
    const code = line.charCodeAt(at)
    if (code <= 0x20 || code === 0x22 || code === 0x2c || code === 0x3b) break
  }
  return at
}

function skipSpace(line: string, at: number): number {
  while (line[at] === ' ' || line[at] === '\t') at++
  return at
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}
