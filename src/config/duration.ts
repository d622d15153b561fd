const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
/** Longest that a Node timer takes (2^31 ms, 24 days). */
const MAX_MS = 2_147_483_647

/** `30`, `1.5s`, `500ms`, `2m`, `1h` → milliseconds; null for anything else. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text)
  if (match === null) return null
  const milliseconds = Math.round(Number(match[1]) * UNITS[match[2] ?? 's']!)
  return milliseconds <= MAX_MS ? milliseconds : null
}
