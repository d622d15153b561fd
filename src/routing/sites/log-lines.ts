/**
 * Lines of the logs of sites: `log_format` with its three escapes. Compiled when the configuration is loaded; runs in the gateway when a
 * request is over. Pure.
 *
 * Invariants: one request has one line, whatever is in a variable. With `default` and `json` it is printable ASCII, so nobody forges a line or a
 * terminal command, and JSON stays JSON. `none` lets everything through but control characters. A value is cut at MAX_VALUE.
 *
 * Nearly always no value needs an escape, so all values are looked at together: that is one regular expression in place of a dozen.
 */
import type { SiteLog } from '../../sites/model.ts'
import type { SiteCompiler } from './compiler.ts'
import type { CompiledLog, Evaluate, SiteRequest } from './site-request.ts'

/** Enough for any real URL and agent, and lines stay readable. */
const MAX_VALUE = 2048

export function compileLog(log: SiteLog, compiler: SiteCompiler): CompiledLog {
  compiler.place = log.place
  const { first, parts } = partsOf(log.format, compiler)
  const escapeValue = ESCAPES[log.escape]
  const unsafe = log.escape === 'none' ? CONTROLS_AND_BYTES : UNSAFE
  const nothing = log.escape === 'default' ? '-' : ''
  const values = new Array<string>(parts.length).fill('')
  const line = (request: SiteRequest) => {
    let all = ''
    for (let i = 0; i < parts.length; i++) {
      const value = bounded(parts[i]!.value(request))
      values[i] = value
      all += value
    }
    const isSafe = !unsafe.test(all)
    let text = first
    for (let i = 0; i < parts.length; i++) {
      const value = values[i]!
      text += (value === '' ? nothing : isSafe ? value : escapeValue(value)) + parts[i]!.text
    }
    return text
  }
  const condition = log.condition === null ? null : compiler.template(log.condition, { own: OWN })
  return { log, line, condition }
}

interface Part {
  readonly value: Evaluate
  /** What follows it. */
  readonly text: string
}

/** `first`: the text before the first variable. */
function partsOf(format: string, compiler: SiteCompiler): { readonly first: string; readonly parts: readonly Part[] } {
  let first = ''
  const parts: Part[] = []
  for (const piece of compiler.pieces(format, OWN)) {
    if (typeof piece !== 'string') {
      parts.push({ value: piece, text: '' })
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
