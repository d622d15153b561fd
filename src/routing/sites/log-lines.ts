/**
 * Lines of the logs of sites: `log_format` with its three escapes. Compiled when the configuration is loaded; runs in the gateway when a
 * request is over. Pure.
 *
 * Invariants: one request has one line, whatever is in a variable. With `default` and `json` it is printable ASCII, so nobody forges a line or a
 * terminal command, and JSON stays JSON. `none` lets everything through but control characters. A value is cut at MAX_VALUE.
 *
 * Nearly always no value needs an escape. What this program writes by itself (`PLAIN`) never does, so only what a client or an application
 * chooses is looked at.
 */
import type { SiteLog } from '../../sites/model.ts'
import type { SiteCompiler } from './compiler.ts'
import type { CompiledLog, Evaluate, SiteRequest } from './site-request.ts'
import { PLAIN } from './variables.ts'

/** Enough for any real URL and agent, and lines stay readable. */
const MAX_VALUE = 2048

export function compileLog(log: SiteLog, compiler: SiteCompiler): CompiledLog {
  compiler.place = log.place
  const { first, parts } = partsOf(log.format, compiler)
  const escapeValue = ESCAPES[log.escape]
  const unsafe = log.escape === 'none' ? CONTROLS_AND_BYTES : UNSAFE
  const nothing = log.escape === 'default' ? '-' : ''
  const line = (request: SiteRequest) => {
    let all = first
    for (const { value, isPlain, text } of parts) {
      const given = value(request)
      if (given === '') all += nothing + text
      else if (isPlain) all += given + text
      else {
        const short = bounded(given)
        all += (unsafe.test(short) ? escapeValue(short) : short) + text
      }
    }
    return all
  }
  const condition = log.condition === null ? null : compiler.template(log.condition, { own: OWN })
  return { log, line, condition }
}

interface Part {
  readonly value: Evaluate
  /** No value of it needs an escape, and all are short. */
  readonly isPlain: boolean
  /** What follows it. */
  readonly text: string
}

/** `first`: the text before the first variable. */
function partsOf(format: string, compiler: SiteCompiler): { readonly first: string; readonly parts: readonly Part[] } {
  let first = ''
  const parts: Part[] = []
  for (const piece of compiler.pieces(format, OWN)) {
    if (typeof piece !== 'string') {
      parts.push({ value: piece, isPlain: piece === finalStatus || PLAIN.has(piece), text: '' })
      continue
    }
    // Somebody has written it as UTF-8.
    const text = utf8(piece)
    const last = parts.pop()
    if (last === undefined) first = text
    else parts.push({ ...last, text })
  }
  return { first, parts }
}

/** What differs when the request is over. */
const OWN: ReadonlyMap<string, Evaluate> = new Map([['status', finalStatus]])

/** 499: the client left before there was an answer. */
function finalStatus({ exchange: { response } }: SiteRequest): string {
  return response.status === 0 ? '499' : String(response.status)
}

function bounded(value: string): string {
  return value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}...` : value
}

const UNSAFE = /["\\\x00-\x1f\x7f-\xff]/
const CONTROLS_AND_BYTES = /[\x00-\x1f\x7f-\xff]/

const ESCAPES: Readonly<Record<SiteLog['escape'], (value: string) => string>> = {
  /** As nginx. */
  default: value => value.replace(/["\\\x00-\x1f\x7f-\xff]/g, asHex),
  json: value =>
    JSON.stringify(utf8(value))
      .slice(1, -1)
      .replace(/[\x7f-\uffff]/g, asUnicode),
  none: value => utf8(value.replace(/[\x00-\x1f\x7f]/g, asHex)),
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

function asHex(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

function asUnicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
