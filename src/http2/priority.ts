/**
 * Priorities of responses (RFC9218): what the header `priority` and PRIORITY_UPDATE say. Sans-IO. Runs in the gateway. What is malformed is
 * ignored, as RFC9218§4 wants. Not here: in which order streams are written (`scheduler.ts`).
 */

export interface Priority {
  /** 0 is the most urgent, 7 the least (RFC9218§4.1). */
  readonly urgency: number
  /** Of use before it is complete: it takes turns with others of its urgency (RFC9218§4.2). */
  readonly isIncremental: boolean
}

export const URGENCIES = 8
export const DEFAULT_PRIORITY: Priority = { urgency: 3, isIncremental: false }

/** Longer ones are no priorities: two parameters have ten characters. */
const MAX_LENGTH = 256
/** All that there can be, so that no request makes a new one. */
const ALL = Array.from({ length: URGENCIES * 2 }, (_, i): Priority => ({ urgency: i >> 1, isIncremental: i % 2 === 1 }))

/** `text`: a dictionary of structured fields (RFC9651§3.2), as `u=1, i`. Unknown members are skipped; the last of two wins. */
export function parsePriority(text: string): Priority {
  if (text.length > MAX_LENGTH) return DEFAULT_PRIORITY
  let { urgency, isIncremental } = DEFAULT_PRIORITY
  for (const member of text.split(',')) {
    const [key, value] = keyAndValue(member)
    if (key === 'u' && value.length === 1 && value >= '0' && value <= '7') urgency = Number(value)
    else if (key === 'i' && (value === '' || value === '?1')) isIncremental = true
    else if (key === 'i' && value === '?0') isIncremental = false
  }
  return ALL[urgency * 2 + (isIncremental ? 1 : 0)]!
}

/** Without parameters of the member. */
function keyAndValue(member: string): [string, string] {
  const semicolon = member.indexOf(';')
  const bare = (semicolon < 0 ? member : member.slice(0, semicolon)).trim()
  const equals = bare.indexOf('=')
  return equals < 0 ? [bare, ''] : [bare.slice(0, equals), bare.slice(equals + 1)]
}
