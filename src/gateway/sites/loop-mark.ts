/**
 * The mark by which a request is known that has been here before: a site that passes requests to itself, straight or through others, would pass
 * the first one on until no file is left. The field is CDN-Loop (RFC8586), which others pass on as it is. Runs in the gateway, for each request
 * that goes on by HTTP; pure.
 *
 * Bound: MAX_PASSES. Somebody who writes the field himself ends his own request only.
 */
import { HttpError } from '../../http/errors.ts'
import { headerValue, headerValues, listMembers } from '../../http/headers.ts'

export const LOOP_FIELD = 'CDN-Loop'
const LOWER = LOOP_FIELD.toLowerCase()
const OWN = 'jumak'
/** Programs in a row that are meant: an edge, a machine, a container. nginx's bound of internal redirects is the same. */
const MAX_PASSES = 10

/** The value for the next server. Throws HttpError 508 where the request has passed here too often. `to`: for the log. */
export function loopMark(headers: readonly string[], to: string): string {
  if (headerValue(headers, LOWER) === undefined) return OWN
  const text = headerValues(headers, LOWER).join(', ')
  let passes = 0
  for (const one of listMembers(text)) if (one === OWN) passes++
  if (passes >= MAX_PASSES)
    throw new HttpError(
      508,
      'This request goes in a circle',
      'operator',
      undefined,
      [],
      `${to} leads back here: the request has been passed on ${passes} times (${LOOP_FIELD})`,
    )
  return `${text}, ${OWN}`
}
