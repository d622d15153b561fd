/**
 * The tables `[[limit]]`, and the `limits` of sites and locations: values, and all that is wrong with them. Runs in the command line, and in the
 * master when it reloads.
 *
 * Not here: what is right and may not be meant (`limit-doubts.ts`).
 */
import { MOST_AHEAD } from '../limits/bounds.ts'
import type { LimitUse, RequestLimit } from '../sites/model.ts'
import { limitKeys } from './settings/limit-keys.ts'
import { locationSettings } from './settings/site-keys.ts'
import type { FileTable } from './sources/app-tables.ts'
import { placeOf } from './sources/site-tables.ts'
import type { Values } from './values.ts'

/** `values`: of its table. */
export function readLimit(table: FileTable, values: Values, before: readonly RequestLimit[]): RequestLimit {
  const { name, key, rate, connections } = limitKeys
  const given = values.one(name)
  const [interval, most] = [values.one(rate), values.one(connections)]
  if (!table.hasMistake) {
    if (!values.isGiven(name)) values.tell(table.origin, 'a limit needs name, as in name = "login"')
    if (values.isGiven(rate) === values.isGiven(connections))
      values.tell(table.origin, 'a limit has either rate, as in rate = "10/s", or connections, as in connections = 20')
  }
  if (given !== null && before.some(one => one.name === given))
    values.refuse(name, 'must be another: a limit has it already')
  if (values.one(key) === '') values.refuse(key, 'must not be empty: nothing would be limited')
  return {
    name: given ?? '',
    key: values.one(key),
    of: interval === null ? { kind: 'connections', most: most ?? 1 } : { kind: 'rate', interval },
    place: placeOf(table),
  }
}

/** What `limits` of a location or a site says. */
export function readLimitUses(values: Values, limits: readonly RequestLimit[]): LimitUse[] {
  const setting = locationSettings.limits
  const taken = values.taken(setting)
  const uses: LimitUse[] = []
  for (const { value, given } of taken) {
    if (value === null) {
      if (taken.length > 1) values.refuse(setting, 'must stand alone', given)
      continue
    }
    const limit = limits.find(({ name }) => name === value.name)
    if (limit === undefined) {
      const names = limits.map(({ name }) => name).join(', ')
      const known = names === '' ? 'there is none' : `there are ${names}`
      values.refuse(setting, `must begin with the name of a [[limit]]: ${known}`, given)
    } else if (uses.some(({ name }) => name === value.name)) {
      values.refuse(setting, `must name ${value.name} once`, given)
    } else if (limit.of.kind === 'connections' && value.burst > 0) {
      values.refuse(setting, `must have no burst: ${value.name} limits how many run at once`, given)
    } else if (limit.of.kind === 'rate' && (value.burst + 2) * limit.of.interval > MOST_AHEAD) {
      values.refuse(setting, 'must have a burst that such a rate can pay for in 50 days', given)
    } else uses.push(value)
  }
  return uses
}
