/**
 * Lines of the logs of sites: `log_format` with its three escapes. Compiled when the configuration is loaded; runs in the gateway when a
 * request is over. Pure.
 *
 * Invariants: one request has one line, whatever is in a variable. With `default` and `json` it is printable ASCII, so nobody forges a line or a
 * terminal command, and JSON stays JSON. `none` lets everything through but control characters. A value is cut at MAX_VALUE.
 */
import type { SiteLog } from '../../sites/model.ts'
import type { SiteCompiler } from './compiler.ts'
import type { CompiledLog, Evaluate, SiteRequest } from './site-request.ts'

/** Enough for any real URL and agent, and lines stay readable. */
const MAX_VALUE = 2048

export function compileLog(log: SiteLog, compiler: SiteCompiler): CompiledLog {
  compiler.place = log.place
  const escapeText = ESCAPES[log.escape]
  const line = compiler.template(log.format, { escapeValue: value => escapeText(bounded(value)), own: OWN })
  const condition = log.condition === null ? null : compiler.template(log.condition, { own: OWN })
  return { log, line: request => decoded(line(request)), condition }
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

/** Text that somebody has written is UTF-8. What escapes have left alone is ASCII already. */
function decoded(line: string): string {
  return /[\x80-\xff]/.test(line) ? Buffer.from(line, 'latin1').toString('utf8') : line
}

const ESCAPES: Readonly<Record<SiteLog['escape'], (value: string) => string>> = {
  /** As nginx: what is empty is a hyphen. */
  default: value => (value === '' ? '-' : value.replace(/["\\\x00-\x1f\x7f-\xff]/g, asHex)),
  json: value => {
    if (!/["\\\x00-\x1f\x7f-\xff]/.test(value)) return value
    const text = Buffer.from(value, 'latin1').toString('utf8')
    return JSON.stringify(text)
      .slice(1, -1)
      .replace(/[\x7f-\uffff]/g, asUnicode)
  },
  none: value => value.replace(/[\x00-\x1f\x7f]/g, asHex),
}

function asHex(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

function asUnicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
