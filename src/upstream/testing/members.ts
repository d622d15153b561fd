/** Members of a group for tests: a test says only what it is about. */
import { Member, type MemberRules } from '../balance/member.ts'

const RULES: MemberRules = {
  weight: 1,
  maxFails: 1,
  failTimeoutMs: 10_000,
  maxConns: 0,
  slowStartMs: 0,
  isBackup: false,
  isDown: false,
  isDraining: false,
  isEjectable: false,
}

export function rulesOf(more: Partial<MemberRules> = {}): MemberRules {
  return { ...RULES, ...more }
}

/** `s0`, `s1` and so on. */
export function membersOf(...rules: Partial<MemberRules>[]): Member[] {
  return rules.map((one, i) => new Member(`s${i}`, i, rulesOf(one)))
}
