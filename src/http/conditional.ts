/**
 * Conditional requests (RFC9110§13) for GET and HEAD of a representation that exists and has a strong entity tag.
 * Pure. One pass gathers what a request says (`readConditions`): a file that is served from memory costs little else.
 */

import { parseHttpDate } from './date.ts'

/** The fields that choose a representation of a file, or a part of it; undefined: not sent. */
export interface Conditions {
  ifMatch: string | undefined
  ifNoneMatch: string | undefined
  ifModifiedSince: string | undefined
  ifUnmodifiedSince: string | undefined
  ifRange: string | undefined
  range: string | undefined
  acceptEncoding: string | undefined
}

export interface Validators {
  /** With its quotes, without `W/`. */
  readonly etag: string
  /** The tag is weak: equal content, perhaps not byte for byte (RFC9110§8.8.1). Left out: it is strong. */
  readonly isWeak?: boolean
  /** The Last-Modified value. */
  readonly lastModified: string
  /** The same in milliseconds: whole seconds. */
  readonly modifiedAt: number
  readonly dateRule: DateRule
}

/**
 * Which date of If-Modified-Since makes 304. `before`: that of the file or a later one (RFC9110§13.1.3). `exact`: that of the file alone, so
 * that an older file which comes back is seen. `off`: none.
 */
export type DateRule = 'before' | 'exact' | 'off'

/** Stands for a field that was sent twice where one is allowed. It is no date, no range and no tag, so the field is ignored. */
const SENT_TWICE = ''

export function readConditions(headers: readonly string[]): Conditions {
  const found: Conditions = {
    ifMatch: undefined,
    ifNoneMatch: undefined,
    ifModifiedSince: undefined,
    ifUnmodifiedSince: undefined,
    ifRange: undefined,
    range: undefined,
    acceptEncoding: undefined,
  }
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1]!
    switch (headers[i]) {
      case 'accept-encoding':
        found.acceptEncoding = found.acceptEncoding === undefined ? value : `${found.acceptEncoding},${value}`
        break
      case 'if-none-match':
        found.ifNoneMatch = found.ifNoneMatch === undefined ? value : `${found.ifNoneMatch},${value}`
        break
      case 'if-match':
        found.ifMatch = found.ifMatch === undefined ? value : `${found.ifMatch},${value}`
        break
      case 'if-modified-since':
        found.ifModifiedSince = found.ifModifiedSince === undefined ? value : SENT_TWICE
        break
      case 'if-unmodified-since':
        found.ifUnmodifiedSince = found.ifUnmodifiedSince === undefined ? value : SENT_TWICE
        break
      case 'if-range':
        found.ifRange = found.ifRange === undefined ? value : SENT_TWICE
        break
      case 'range':
        found.range = found.range === undefined ? value : SENT_TWICE
        break
    }
  }
  return found
}

/** Evaluates them in the order of RFC9110§13.2.2. 200: go on; `isRangeWanted` judges the range. */
export function evaluateConditions(conditions: Conditions, validators: Validators): 200 | 304 | 412 {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions
  if (ifMatch !== undefined) {
    // A weak tag is not equal to anything here (RFC9110§13.1.1).
    if (validators.isWeak ? ifMatch.trim() !== '*' : !hasTag(ifMatch, validators.etag, false)) return 412
  } else if (ifUnmodifiedSince !== undefined) {
    const date = parseHttpDate(ifUnmodifiedSince)
    if (date !== null && validators.modifiedAt > date) return 412
  }
  if (ifNoneMatch !== undefined) {
    if (hasTag(ifNoneMatch, validators.etag, true)) return 304
  } else if (ifModifiedSince !== undefined && validators.dateRule !== 'off') {
    if (ifModifiedSince === validators.lastModified) return 304
    const date = parseHttpDate(ifModifiedSince)
    const { modifiedAt, dateRule } = validators
    if (date !== null && (dateRule === 'exact' ? modifiedAt === date : modifiedAt <= date)) return 304
  }
  return 200
}

/** RFC9110§13.1.5: a client gets a part only if its other parts are of the very same representation. `now`: of the Date header. */
export function isRangeWanted(ifRange: string | undefined, validators: Validators, now: number): boolean {
  if (ifRange === undefined) return true
  if (validators.isWeak) return false
  if (ifRange.startsWith('"')) return ifRange === validators.etag
  // A file that may have changed twice within its second has no strong date (RFC9110§8.8.2.2).
  return ifRange === validators.lastModified && validators.modifiedAt + 1000 <= now
}

const TAG = /[ \t,]*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)/y

/** `weakly`: `W/"a"` is as good as `"a"` (RFC9110§8.8.3.2). A malformed list counts up to its first mistake. */
function hasTag(list: string, etag: string, weakly: boolean): boolean {
  if (list === etag || list.trim() === '*') return true
  TAG.lastIndex = 0
  for (let match = TAG.exec(list); match !== null; match = TAG.exec(list))
    if (match[2] === etag && (weakly || match[1] === undefined)) return true
  return false
}
