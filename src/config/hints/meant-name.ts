/** "Did you mean": the setting for a name of another server, or for a misspelt name. Pure. */
import { closest } from '../../base/closest.ts'
import { ACTIONS, SETTINGS } from '../settings/index.ts'
import { foreignName, meaningNames } from './other-servers.ts'

const ALL_NAMES: readonly string[] = [...SETTINGS.filter(one => !one.positional), ...ACTIONS].map(one => one.name)

/** The name of the setting (or action) that was meant, or null. `names`: the names that are allowed at that place. */
export function meantName(typed: string, names: readonly string[] = ALL_NAMES): string | null {
  const plain = typed.toLowerCase().replaceAll('_', '-')
  if (names.includes(plain)) return plain
  const foreign = foreignName(plain)
  const meant = foreign === null ? nearest(plain, names) : foreign.meant
  return meant !== null && names.includes(meant) ? meant : null
}

function nearest(typed: string, names: readonly string[]): string | null {
  const near = closest(typed, names)
  if (near !== null) return near
  const theirs = closest(typed, meaningNames())
  return theirs === null ? null : foreignName(theirs)!.meant
}
