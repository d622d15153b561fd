/** Times from text: `30s` → 30000. */
import type { Parsed } from '../diagnostics.ts'

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
/** The longest time of a Node timer: 2^31 - 1 ms, 24 days. A timer with a longer time fires at once. */
const MAX_MS = 2_147_483_647

/** `30` (seconds), `1.5s`, `500ms`, `2m`, `1h` → milliseconds. */
export function parseDuration(text: string): Parsed<number> {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text)
  if (match === null) return { problem: 'must be seconds (30) or a number with a unit (500ms, 30s, 2m, 1h)' }
  const exact = Number(match[1]) * UNITS[match[2] ?? 's']!
  // A short time must not become 0, which may mean "none".
  const milliseconds = exact > 0 ? Math.max(1, Math.round(exact)) : 0
  return milliseconds <= MAX_MS ? { value: milliseconds } : { problem: 'must be at most 24 days' }
}
