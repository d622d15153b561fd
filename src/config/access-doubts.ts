/**
 * Warnings about who is let in, where it is right and may not be meant: rules that nobody reaches, locks that are open, a path that is asked
 * and has nothing to say. Runs in the command line, and in the master when it reloads. Pure.
 */
import type { Access, Location, Place, Site } from '../sites/model.ts'
import { formatPlace } from './sources/given.ts'

/** Sentences with their places. `hasAnything`: whether a location of the site answers for the path. */
export function doubtsOfAccess(site: Site, hasAnything: (path: string) => boolean): string[] {
  const told: string[] = []
  // What a location inherits is told where it is first seen: at the site, which comes first.
  const seen = new Set<unknown>()
  const visit = ({ handler, isInternal, settings: { access }, limitExcept, place, locations }: Location): void => {
    if (handler.kind === 'status' && !isInternal && !isLocked(access))
      told.push(
        `${at(place)}: status tells everybody how busy the program is: add access = ["allow 127.0.0.1", "deny all"], or a password`,
      )
    if (!seen.has(access.rules)) told.push(...unreachedRules(access, place))
    seen.add(access.rules)
    if (limitExcept !== null) told.push(...unreachedRules(limitExcept.access, place))
    const lock = `${access.satisfy} ${access.rules.length} ${access.basic} ${access.request}`
    if (!seen.has(lock)) told.push(...openLocks(access, place))
    seen.add(lock)
    const { request } = access
    if (request !== null && !seen.has(request) && !hasAnything(request))
      told.push(`${at(place)}: auth-request asks ${request}, and no location has anything there: everybody gets 500`)
    seen.add(request)
    locations.forEach(visit)
  }
  for (const location of [site.root, ...site.locations]) visit(location)
  return told
}

/** Some clients are let in and some are not. */
function isLocked({ rules, basic, request }: Access): boolean {
  return basic !== null || request !== null || rules.some(({ allows }) => !allows)
}

function unreachedRules({ rules }: Access, place: Place): string[] {
  const all = rules.findIndex(({ from }) => from === 'all')
  const [before, after] = [rules[all], rules[all + 1]]
  if (before === undefined || after === undefined) return []
  const word = (allows: boolean) => (allows ? 'allow' : 'deny')
  return [
    `${at(place)}: access never comes to "${word(after.allows)} ${after.from}": "${word(before.allows)} all" before it decides for everybody`,
  ]
}

function openLocks({ rules, satisfy, basic, request }: Access, place: Place): string[] {
  const lock = basic !== null ? 'auth-basic' : request !== null ? 'auth-request' : null
  if (satisfy !== 'any' || lock === null) return []
  const first = rules.find(({ from }) => from === 'all')
  if (first?.allows !== true) return []
  return [`${at(place)}: with satisfy = "any", "allow all" lets everybody in, and ${lock} is not asked`]
}

function at({ file, line, column }: Place): string {
  return formatPlace(file, { line, column })
}
