/**
 * Outlier ejection: a server that fails much more than it should is left out for a while, though each single failure is one that `max-fails` does
 * not see: an answer of 5xx, one request in three (`outlier-ejection`). Loaded only where a group has it. Pure but for the words of the members; time is
 * an argument. Runs in the gateway, once for each answer of a server.
 *
 * Invariants: at most `share` of the servers are out by this at one moment, whatever fails: a mistake that all of them have ejects no more. Of two
 * threads that eject at the same moment both may give up, so never too many are out. Each ejection that follows another one is longer.
 * Bound: MOST_TIMES `time`.
 * Not here: what follows for a choice (`member.ts`, `isEjected`).
 */
import type { EjectionSettings } from '../../sites/upstream-model.ts'
import type { Member } from './member.ts'
import {
  BACK_SINCE,
  EJECTED_AT,
  EJECTED_FOR,
  EJECTIONS,
  FAILURES_IN_ROW,
  type MemberState,
  momentOf,
  since,
  WINDOW_AT,
  WINDOW_FAILURES,
  WINDOW_REQUESTS,
} from './member-state.ts'

/** The longest ejection. One that has been well for as long begins anew. */
const MOST_TIMES = 10

export class Ejection {
  readonly #settings: EjectionSettings

  constructor(settings: EjectionSettings) {
    this.#settings = settings
  }

  /**
   * A server has answered, or has failed. `members`: of the group. Returns what the log should say of it; null: it is not ejected now.
   */
  record(member: Member, isFailure: boolean, members: readonly Member[], now: number): string | null {
    const { state } = member
    const { failures, rate, requests } = this.#settings
    if (rate > 0) this.#count(state, isFailure, now)
    if (!isFailure) {
      if (state.load(FAILURES_IN_ROW) !== 0) state.store(FAILURES_IN_ROW, 0)
      return null
    }
    const inRow = state.add(FAILURES_IN_ROW, 1)
    // Requests that it had before.
    if (member.isEjected(now)) return null
    if (failures > 0 && inRow >= failures) return this.#eject(member, members, now, `${inRow} failures in a row`)
    const [seen, failed] = [state.load(WINDOW_REQUESTS), state.load(WINDOW_FAILURES)]
    if (rate === 0 || seen < requests || failed * 100 < rate * seen) return null
    return this.#eject(member, members, now, `${failed} of ${seen} requests failed`)
  }

  #count(state: MemberState, isFailure: boolean, now: number): void {
    const at = state.load(WINDOW_AT)
    if ((at === 0 || since(at, now) >= this.#settings.window) && state.replace(WINDOW_AT, at, momentOf(now))) {
      state.store(WINDOW_REQUESTS, 0)
      state.store(WINDOW_FAILURES, 0)
    }
    state.add(WINDOW_REQUESTS, 1)
    if (isFailure) state.add(WINDOW_FAILURES, 1)
  }

  #eject(member: Member, members: readonly Member[], now: number, why: string): string | null {
    const { state } = member
    const { time, share } = this.#settings
    const among = members.filter(({ rules }) => !rules.isDown && rules.isBackup === member.rules.isBackup)
    const most = Math.floor((among.length * share) / 100)
    const outNow = () => among.filter(one => one.isEjected(now)).length
    if (outNow() >= most) return null
    const before = [state.load(EJECTED_AT), state.load(EJECTED_FOR)] as const
    const wellFor = before[0] === 0 ? Number.POSITIVE_INFINITY : since(before[0], now) - before[1]
    const inRow = wellFor >= MOST_TIMES * time ? 1 : Math.min(state.load(EJECTIONS) + 1, MOST_TIMES)
    state.store(EJECTED_FOR, inRow * time)
    // Another thread may eject it at this moment, for as long.
    if (!state.replace(EJECTED_AT, before[0], momentOf(now))) return null
    if (outNow() > most) {
      state.store(EJECTED_AT, before[0])
      state.store(EJECTED_FOR, before[1])
      return null
    }
    state.store(EJECTIONS, inRow)
    state.store(FAILURES_IN_ROW, 0)
    state.store(WINDOW_AT, 0)
    // It starts slowly when its time is over.
    state.store(BACK_SINCE, momentOf(now + inRow * time))
    return `gets no requests for ${(inRow * time) / 1000} s: ${why} (outlier-ejection)`
  }
}
