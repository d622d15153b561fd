/**
 * The fields of a response in HTTP/2 (RFC9113§8.3.2), sans-IO: lower-case, checked, with Date, and without what belongs to a connection. Runs in
 * the gateway, for each response. What a response may carry is `http/response-rules.ts`.
 */
import { httpDate } from '../http/date.ts'
import type { ResponseHead } from '../http/exchange.ts'
import { type HeaderLines, withoutBlanks } from '../http/headers.ts'
import {
  checkContentLength,
  checkFinalStatus,
  checkInterimStatus,
  checkValue,
  fieldBehind,
  interimFields,
  mayHaveContent,
  NO_FIELD,
  trailerFields,
} from '../http/response-rules.ts'

export interface ResponseFields {
  readonly status: number
  /** Names are lower-case. */
  readonly lines: HeaderLines
  /** False: HEAD, 204, 205, 304. */
  readonly mayHaveContent: boolean
  /** Bytes of content, as Content-Length says; -1: there is none. */
  readonly length: number
  /** These very lines come again, until the second is over. */
  readonly comesAgain: boolean
}

/** Of heads that come again, within this second. */
const made = new WeakMap<ResponseHead, { readonly date: string; readonly fields: ResponseFields }>()

/** Throws what `response-rules.ts` throws. */
export function responseFields(head: ResponseHead, isHead: boolean): ResponseFields {
  if (head.comesAgain !== true || isHead) return make(head, isHead, false)
  const date = httpDate()
  const last = made.get(head)
  if (last?.date === date) return last.fields
  const fields = make(head, isHead, true)
  made.set(head, { date, fields })
  return fields
}

function make(head: ResponseHead, isHead: boolean, comesAgain: boolean): ResponseFields {
  const { status, headers } = head
  checkFinalStatus(status)
  const lines: HeaderLines = []
  let length = -1
  let hasDate = false
  let trailer = ''
  let field = NO_FIELD
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1]!
    field = fieldBehind(field, headers[i]!)
    switch (field.meaning) {
      case 'drop':
      case 'upgrade':
      case 'connection':
        continue
      case 'trailer':
        trailer = trailer === '' ? value : `${trailer}, ${value}`
        continue
      case 'content-length':
        length = checkContentLength(value, length)
        continue
      case 'date':
        hasDate = true
    }
    checkValue(field.name, value)
    lines.push(field.lowerCase, trimmed(value))
  }
  const mayHave = mayHaveContent(status, isHead)
  if (!hasDate) lines.push('date', httpDate())
  // As over HTTP/1.1: 204 has no length (RFC9110§8.6), 205 has no content, HEAD and 304 may have the length that GET would have.
  if (status === 205) lines.push('content-length', '0')
  else if (length >= 0 && status !== 204) lines.push('content-length', String(length))
  if (trailer !== '' && head.hasTrailers === true && mayHave) {
    checkValue('trailer', trailer)
    lines.push('trailer', trimmed(trailer))
  }
  return { status, lines, mayHaveContent: mayHave, length, comesAgain }
}

/** An interim response (RFC9110§15.2): 100, 103. */
export function interimLines({ status, headers }: ResponseHead): HeaderLines {
  checkInterimStatus(status)
  return asLines(interimFields(headers))
}

/** What an application adds to the answer to an extended CONNECT: as to 101, which HTTP/1.1 has in its place (RFC8441§5). */
export function acceptLines(headers: readonly string[]): HeaderLines {
  return asLines(interimFields(headers))
}

export function trailerLines(trailers: readonly string[]): HeaderLines {
  return asLines(trailerFields(trailers))
}

function asLines(fields: HeaderLines): HeaderLines {
  return fields.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : trimmed(text)))
}

/**
 * Without blanks at its ends, which are no part of a value: in HTTP/1 the parser takes them away, in HTTP/2 a client drops the field
 * (RFC9113§8.2.1). Django's cookies begin with one.
 */
function trimmed(value: string): string {
  return withoutBlanks(value, 0, value.length)
}
