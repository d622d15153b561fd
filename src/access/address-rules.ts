/** `allow` and `deny`: the first rule that has the client's address decides. Compiled once; runs in the gateway for each request. Pure. */
import { addressRanges } from '../http/address-ranges.ts'

export interface AddressRule {
  readonly allows: boolean
  /** An address, a range, `unix`, or `all`. */
  readonly from: string
}

/** Whether the address is let in; null: no rule has it. `address`: empty for the other end of a Unix socket. */
export type DecideByAddress = (address: string) => boolean | null

/** Null: there are no rules. */
export function compileAddressRules(rules: readonly AddressRule[]): DecideByAddress | null {
  if (rules.length === 0) return null
  const groups = groupsOf(rules).map(group => {
    const isAll = group.some(({ from }) => from === 'all')
    return { allows: group[0]!.allows, ranges: isAll ? null : addressRanges(group.map(({ from }) => from)) }
  })
  return address => {
    for (const { allows, ranges } of groups) if (ranges === null || ranges.has(address)) return allows
    return null
  }
}

/** Which single rule it is: for `jumak explain`. */
export function ruleFor(rules: readonly AddressRule[], address: string): AddressRule | null {
  return rules.find(({ from }) => from === 'all' || addressRanges([from]).has(address)) ?? null
}

/** Neighbours that say the same are asked in one call: a list of a provider's ranges is long. */
function groupsOf(rules: readonly AddressRule[]): readonly (readonly AddressRule[])[] {
  const groups: AddressRule[][] = []
  for (const rule of rules) {
    const last = groups.at(-1)
    if (last !== undefined && last[0]!.allows === rule.allows) last.push(rule)
    else groups.push([rule])
  }
  return groups
}
