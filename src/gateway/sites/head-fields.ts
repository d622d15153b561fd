/**
 * What a location adds to the head of a response: `add_header`, `expires`, and the status that an error page has. Runs in the gateway.
 *
 * The location that counts is the one where the request is when the head leaves, as in nginx.
 */
import type { ResponseHead } from '../../http/exchange.ts'
import { addFilter } from '../../http/filtered-response.ts'
import { fieldsWith, type HeaderLines } from '../../http/headers.ts'
import { percentEncoded } from '../../http/path.ts'
import { withHeaders } from '../../http/response-filter.ts'
import type { CompiledLocation, SiteRequest } from '../../routing/sites/site-request.ts'
import type { Expires } from '../../sites/model.ts'
import { isCharacters } from './policies.ts'

/** Statuses of responses that `add_header` without `always`, and `expires`, are for. */
const USUAL: ReadonlySet<number> = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308])
/** What conditions and ranges of a request make of a 200. */
const INSTEAD_OF_200: ReadonlySet<number> = new Set([206, 304, 412, 416])
/** What cannot stand in a field's value (RFC9110§5.5). A variable may have it. */
const NOT_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/g

/** Ten years, as nginx says `max`. */
const YEARS = 315_360_000

/** Puts the filter in front of the response, unless it is there. */
export function addHeadFields(request: SiteRequest): void {
  if (request.isFiltered || !hasChanges(request)) return
  request.isFiltered = true
  addFilter(request.exchange, head => ({ head: changedHead(request, head), content: null }))
}

/** For an application's head, which is looked at anyway and needs no filter. One that is there does it. */
export function withHeadFields(request: SiteRequest, head: ResponseHead): ResponseHead {
  return request.isFiltered || !hasChanges(request) ? head : changedHead(request, head)
}

function hasChanges({
  location: { addHeaders, settings },
  responseStatus,
  keptHeaders,
  charset,
}: SiteRequest): boolean {
  return (
    addHeaders.length > 0 ||
    isOfTime(settings.expires) ||
    responseStatus !== 0 ||
    keptHeaders.length > 0 ||
    charset !== null
  )
}

function changedHead(request: SiteRequest, given: ResponseHead): ResponseHead {
  const { location, responseStatus, keptHeaders, charset } = request
  const { addHeaders, settings } = location
  const isLikeGiven =
    responseStatus === 0 && keptHeaders.length === 0 && charset === null && !isOfTime(settings.expires)
  if (given.comesAgain === true && isLikeGiven) return recurringHead(request, given)
  const isKept = responseStatus === 0 || (responseStatus === 200 && INSTEAD_OF_200.has(given.status))
  const status = isKept ? given.status : responseStatus
  const own = charset === null ? given.headers : withCharset(given.headers, charset, true)
  const merged = withKept(own, keptHeaders)
  const headers = USUAL.has(status) ? withExpires(merged, settings.expires) : merged
  const texts = addHeaders.map(({ value }) => value(request))
  return withHeaders(status === given.status ? given : { ...given, status, reason: '' }, [
    ...headers,
    ...addedFields(location, status, texts),
  ])
}

/** `texts`: the values of `addHeaders`. */
function addedFields({ addHeaders }: CompiledLocation, status: number, texts: readonly string[]): string[] {
  const isUsual = USUAL.has(status)
  return addHeaders.flatMap(({ name, always }, i) => {
    const text = always || isUsual ? texts[i]!.replace(NOT_IN_VALUE, percentEncoded) : ''
    return text === '' ? [] : [name, text]
  })
}

/** What a location made of the last head that comes again. */
interface LastHead {
  given: ResponseHead | null
  readonly texts: string[]
  /** Null: the head came once, and another one may follow. */
  made: ResponseHead | null
}

const lastHeads = new WeakMap<CompiledLocation, LastHead>()

/** As often as an application's head comes again with the same values, what is sent is one object, and is serialized once. */
function recurringHead(request: SiteRequest, given: ResponseHead): ResponseHead {
  const { location } = request
  const { addHeaders } = location
  let last = lastHeads.get(location)
  if (last === undefined) {
    last = { given: null, texts: addHeaders.map(() => ''), made: null }
    lastHeads.set(location, last)
  }
  const { texts } = last
  let isSame = last.given === given
  for (let i = 0; i < addHeaders.length; i++) {
    const text = addHeaders[i]!.value(request)
    if (text === texts[i]) continue
    texts[i] = text
    isSame = false
  }
  if (isSame && last.made !== null) return last.made
  const made = withHeaders(given, [...given.headers, ...addedFields(location, given.status, texts)])
  last.given = given
  last.made = isSame ? Object.freeze({ ...made, comesAgain: true }) : null
  return last.made ?? made
}

/** `charset`: of text; empty: none. `replaces`: also where the type has one. */
export function withCharset(headers: HeaderLines, charset: string, replaces: boolean): HeaderLines {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-type')
  const [type = '', ...parameters] = at < 0 ? [] : headers[at + 1]!.split(';')
  const others = parameters.filter(one => !/^\s*charset\s*=/i.test(one))
  if (!isCharacters(type.trim()) || (!replaces && others.length < parameters.length)) return headers
  const added = charset === '' ? [] : [` charset=${charset}`]
  return headers.with(at + 1, [type, ...others, ...added].join(';'))
}

/** The application's own fields in the place of those of a file. */
function withKept(headers: readonly string[], kept: readonly string[]): readonly string[] {
  if (kept.length === 0) return headers
  const names = new Set(kept.filter((_, i) => i % 2 === 0).map(name => name.toLowerCase()))
  return [...fieldsWith(headers, name => !names.has(name.toLowerCase())), ...kept]
}

type TimedExpires = Exclude<Expires, { readonly kind: 'off' | 'auto' }>

function isOfTime(expires: Expires): expires is TimedExpires {
  return expires.kind !== 'off' && expires.kind !== 'auto'
}

function withExpires(headers: readonly string[], expires: Expires): readonly string[] {
  if (!isOfTime(expires)) return headers
  const kept: string[] = []
  let modified = ''
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (name === 'last-modified') modified = headers[i + 1]!
    if (name !== 'cache-control' && name !== 'expires') kept.push(headers[i]!, headers[i + 1]!)
  }
  const { date, control } = timesOf(expires, modified)
  return [...kept, 'Expires', date, 'Cache-Control', control]
}

/** `modified`: Last-Modified of the response; empty: it has none. */
function timesOf(expires: TimedExpires, modified: string): { readonly date: string; readonly control: string } {
  const now = Date.now()
  switch (expires.kind) {
    case 'epoch':
      return { date: new Date(1000).toUTCString(), control: 'no-cache' }
    case 'max':
      return { date: new Date(Date.UTC(2037, 11, 31, 23, 55, 55)).toUTCString(), control: `max-age=${YEARS}` }
    case 'after': {
      const from = expires.modified && modified !== '' ? Date.parse(modified) : now
      const at = from + expires.seconds * 1000
      const left = Math.floor((at - now) / 1000)
      return { date: new Date(at).toUTCString(), control: left < 0 ? 'no-cache' : `max-age=${left}` }
    }
  }
}
