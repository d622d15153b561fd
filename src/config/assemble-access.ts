/**
 * Who is let in to a site or a location: its values, and what it inherits. Runs in the command line, and in the master when it reloads.
 *
 * Not here: what the values may be (`settings/access-keys.ts`).
 */
import type { Access, LimitExcept } from '../sites/model.ts'
import { accessSettings, methodKeys } from './settings/access-keys.ts'
import type { Values } from './values.ts'

const OPEN: Access = { rules: [], satisfy: 'all', basic: null, request: null }

/** `outer`: of the site or the location around it; null: there is none. */
export function assembleAccess(values: Values, outer: Access | null): Access {
  const inherited = outer ?? OPEN
  return {
    rules: values.isGiven(accessSettings.access) ? values.all(accessSettings.access) : inherited.rules,
    satisfy: values.isGiven(accessSettings.satisfy) ? values.one(accessSettings.satisfy) : inherited.satisfy,
    basic: inherited.basic,
    request: inherited.request,
  }
}

/** `own`: what holds for the other methods of the location. */
export function assembleLimitExcept(values: Values, own: Access): LimitExcept | null {
  const methods: readonly string[] | null = values.one(methodKeys.limitExcept)
  values.warnUseless(methods === null, methodKeys.limitExceptAccess, 'without limit-except')
  return methods === null ? null : { methods, access: { ...own, rules: values.all(methodKeys.limitExceptAccess) } }
}
