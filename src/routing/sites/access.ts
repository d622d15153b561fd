/**
 * Who is let in to a location: `allow` and `deny`, a password (`auth_basic`), another location's word (`auth_request`), in this order, put
 * together by `satisfy`. Runs in the gateway for each request that comes to a location with one of them, between its rewrites and
 * `try_files`, so what a rewrite answers (`return`) is for everybody, as in nginx.
 *
 * Invariants: what is answered to nobody is decided within the call where nothing has to be waited for. A check that fails in another way
 * than 401 and 403 lets nobody in, whatever `satisfy` says.
 * Not here: passwords (`src/access/`), how the other location is asked (`phases.ts`).
 */
import { compileAddressRules, ruleFor } from '../../access/address-rules.ts'
import type { HeaderLines } from '../../http/headers.ts'
import type { Access, Location } from '../../sites/model.ts'
import type { SiteCompiler } from './compiler.ts'
import type { AccessPhase, CompiledAccess, SiteRequest } from './site-request.ts'

/** Why a request is not let in. */
export interface Refusal {
  readonly status: number
  /** A sentence. */
  readonly message: string
  readonly headers: HeaderLines
}

/** `none`: nothing was asked. */
type Verdict = 'in' | 'none' | Refusal

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

function compileAccess({ rules, satisfy }: Access, _compiler: SiteCompiler): CompiledAccess | null {
  const decide = compileAddressRules(rules)
  if (decide === null) return null
  return { satisfiesAny: satisfy === 'any', rules, decide }
}

/** Null: the request is let in. */
export function checkAccess(request: SiteRequest, phase: AccessPhase): Eventually<Refusal | null> {
  const { usual, except } = phase
  const access = except === null || except.methods.has(request.exchange.request.method) ? usual : except.access
  return access === null ? null : checkFrom(request, access, 0, null)
}

const CHECKS = [checkAddress]

/** `refused`: by the checks before, where any of them is enough. */
function checkFrom(
  request: SiteRequest,
  access: CompiledAccess,
  first: number,
  refused: Refusal | null,
): Eventually<Refusal | null> {
  let last = refused
  for (let i = first; i < CHECKS.length; i++) {
    const verdict = CHECKS[i]!(request, access)
    if (verdict === 'none') continue
    if (!access.satisfiesAny) {
      if (verdict !== 'in') return verdict
    } else if (verdict === 'in') return null
    else if (verdict.status !== 401 && verdict.status !== 403) return verdict
    else last = both(last, verdict)
  }
  return last
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
