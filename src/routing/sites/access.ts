/**
 * Who is let in to a location: `allow` and `deny`, a password (`auth_basic`), another location's word (`auth_request`), in this order, put
 * together by `satisfy`. Runs in the gateway for each request that comes to a location with one of them, between its rewrites and
 * `try_files`, so what a rewrite answers (`return`) is for everybody, as in nginx.
 *
 * Invariants: what needs no waiting is decided within the call. A check that fails in another way
 * than 401 and 403 lets nobody in, whatever `satisfy` says.
 * Not here: passwords (`src/access/`), how the other location is asked (`phases.ts`).
 */
import { compileAddressRules, ruleFor } from '../../access/address-rules.ts'
import type { Login } from '../../access/logins.ts'
import { fieldsWith, type HeaderLines } from '../../http/headers.ts'
import type { Access, Location } from '../../sites/model.ts'
import type { SiteCompiler } from './compiler.ts'
import type { AccessPhase, CompiledAccess, SiteRequest } from './site-request.ts'

/** Why a request is not let in. */
export interface Refusal {
  readonly status: number
  /** A sentence. */
  readonly message: string
  readonly headers: HeaderLines
  /** What the log says instead. */
  readonly logged?: string
}

/** `none`: nothing was asked. */
type Verdict = 'in' | 'none' | Refusal

/** Whom the checks ask. */
export interface AskedForAccess {
  /** Whether the request has a name and a password of this file (`PasswordFile.file`). */
  readonly authenticate: (request: SiteRequest, users: string) => Eventually<Login>
  /** Asks another location of the site. Resolves with the subrequest when it is answered. `uri`: bytes. */
  readonly ask: (request: SiteRequest, uri: string) => Promise<SiteRequest>
}

export type Eventually<Value> = Value | Promise<Value>

/** Null: nobody asks anything. */
export function compileAccessPhase(location: Location, compiler: SiteCompiler): AccessPhase | null {
  const usual = compileAccess(location.settings.access, compiler)
  const { limitExcept } = location
  if (limitExcept === null) return usual === null ? null : { usual, except: null }
  const methods = new Set(limitExcept.methods)
  if (methods.has('GET')) methods.add('HEAD')
  return { usual, except: { methods, access: compileAccess(limitExcept.access, compiler) } }
}

function compileAccess(access: Access, compiler: SiteCompiler): CompiledAccess | null {
  const { rules, satisfy, basic, users, request, requestSets } = access
  const decide = compileAddressRules(rules)
  if (decide === null && basic === null && request === null) return null
  return {
    satisfiesAny: satisfy === 'any',
    rules,
    decide,
    basic: basic === null ? null : { realm: compiler.template(basic), users: users! },
    request:
      request === null
        ? null
        : {
            uri: request,
            sets: requestSets.map(({ name, value }) => ({
              index: compiler.define(name),
              value: compiler.template(value),
            })),
          },
  }
}

/** Null: the request is let in. */
export function checkAccess(
  request: SiteRequest,
  phase: AccessPhase,
  asked: AskedForAccess,
): Eventually<Refusal | null> {
  const { usual, except } = phase
  const access = except === null || except.methods.has(request.exchange.request.method) ? usual : except.access
  return access === null ? null : checkFrom(request, access, asked, 0, null)
}

type Check = (request: SiteRequest, access: CompiledAccess, asked: AskedForAccess) => Eventually<Verdict>

const CHECKS: readonly Check[] = [checkAddress, checkPassword, checkByRequest]

/** `refused`: by the checks before, where any of them is enough. */
function checkFrom(
  request: SiteRequest,
  access: CompiledAccess,
  asked: AskedForAccess,
  first: number,
  refused: Refusal | null,
): Eventually<Refusal | null> {
  let last = refused
  for (let i = first; i < CHECKS.length; i++) {
    const verdict = CHECKS[i]!(request, access, asked)
    if (verdict instanceof Promise)
      return verdict.then(one => {
        const { isOver, refusal } = weigh(one, access, last)
        return isOver ? refusal : checkFrom(request, access, asked, i + 1, refusal)
      })
    if (verdict === 'none' || (verdict === 'in' && !access.satisfiesAny)) continue
    const { isOver, refusal } = weigh(verdict, access, last)
    if (isOver) return refusal
    last = refusal
  }
  return last
}

/** Whether nothing more is asked, and what is known by then. */
function weigh(
  verdict: Verdict,
  { satisfiesAny }: CompiledAccess,
  before: Refusal | null,
): { readonly isOver: boolean; readonly refusal: Refusal | null } {
  if (verdict === 'none') return { isOver: false, refusal: before }
  if (verdict === 'in') return { isOver: satisfiesAny, refusal: null }
  const isFinal = !satisfiesAny || (verdict.status !== 401 && verdict.status !== 403)
  return isFinal ? { isOver: true, refusal: verdict } : { isOver: false, refusal: both(before, verdict) }
}

/** A client that may still prove who it is gets 401, with all ways to do it. */
function both(first: Refusal | null, second: Refusal): Refusal {
  if (first === null) return second
  if (first.status !== second.status) return first.status === 401 ? first : second
  return { ...first, headers: [...first.headers, ...second.headers] }
}

function checkAddress({ exchange, trace }: SiteRequest, { rules, decide }: CompiledAccess): Verdict {
  if (decide === null) return 'none'
  const { address } = exchange.peer
  const isIn = decide(address)
  if (trace !== null) {
    const rule = ruleFor(rules, address)
    const what = rule === null ? 'access' : `${rule.allows ? 'allow' : 'deny'} ${rule.from}`
    trace({ kind: 'access', what, result: isIn === null ? 'none' : isIn ? 'in' : 'refused' })
  }
  return isIn === null ? 'none' : isIn ? 'in' : NOT_FROM_THERE
}

const NOT_FROM_THERE: Refusal = { status: 403, message: 'Nobody may come here from this address', headers: [] }

function checkPassword(request: SiteRequest, { basic }: CompiledAccess, asked: AskedForAccess): Eventually<Verdict> {
  if (basic === null) return 'none'
  const realm = basic.realm(request)
  // As in nginx: a map may say so for some of the requests.
  if (realm === 'off') return 'none'
  const login = asked.authenticate(request, basic.users)
  return login instanceof Promise ? login.then(one => judge(request, one, realm)) : judge(request, login, realm)
}

function judge({ exchange, trace }: SiteRequest, login: Login, realm: string): Verdict {
  const isIn = login.kind === 'right'
  if (isIn) exchange.user = login.name
  trace?.({ kind: 'access', what: `auth-basic ${realm}`, result: isIn ? 'in' : 'refused' })
  switch (login.kind) {
    case 'right':
      return 'in'
    case 'none':
      return { ...NEEDS_PASSWORD, headers: challenge(realm) }
    case 'wrong':
      return { ...WRONG_PASSWORD, headers: challenge(realm) }
    case 'busy':
      return TOO_MANY_LOGINS
    case 'too-many':
      return TOO_MANY_OF_ADDRESS
  }
}

const NEEDS_PASSWORD = { status: 401, message: 'This needs a name and a password' } as const
const WRONG_PASSWORD = { status: 401, message: 'The name or the password is wrong' } as const
const TOO_MANY_LOGINS: Refusal = {
  status: 503,
  message: 'Too many passwords wait to be checked',
  headers: ['Retry-After', '5'],
}
const TOO_MANY_OF_ADDRESS: Refusal = {
  status: 429,
  message: 'Too many passwords of this address wait to be checked',
  headers: ['Retry-After', '10'],
}

/** RFC7617§2. A variable in the realm may have what ends the text or the field. */
function challenge(realm: string): HeaderLines {
  return ['WWW-Authenticate', `Basic realm="${realm.replace(/[\x00-\x1f\x7f]/g, '').replace(/["\\]/g, '\\$&')}"`]
}

function checkByRequest(request: SiteRequest, access: CompiledAccess, asked: AskedForAccess): Eventually<Verdict> {
  if (access.request === null) return 'none'
  const { uri, sets } = access.request
  return asked.ask(request, uri).then(answered => {
    for (const { index, value } of sets) request.values[index] = value(answered)
    const { status, head } = answered.exchange.response
    const isIn = status >= 200 && status < 300
    request.trace?.({ kind: 'access', what: `auth-request ${uri}`, result: isIn ? 'in' : 'refused' })
    if (isIn) return 'in'
    if (status === 403) return REFUSED_BY_REQUEST
    if (status !== 401)
      return {
        status: 500,
        message: 'Whether this client may come here could not be asked',
        logged: `auth-request ${uri} was answered with ${status || 'nothing'}: 2xx lets in, 401 and 403 refuse`,
        headers: [],
      }
    const headers = fieldsWith(head?.headers ?? [], name => name.toLowerCase() === 'www-authenticate')
    return { ...NEEDS_PASSWORD, message: 'This needs a login', headers }
  })
}

const REFUSED_BY_REQUEST: Refusal = { status: 403, message: 'This client may not come here', headers: [] }
