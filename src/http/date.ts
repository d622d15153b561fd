/** The Date header's value (RFC9110§5.6.7), made once a second: every response carries it. */

let validUntil = 0
let value = ''

export function httpDate(): string {
  const now = Date.now()
  // Also when the clock was set back: else the old date would stay until the clock has caught up.
  if (now >= validUntil || now < validUntil - 1000) {
    value = new Date(now).toUTCString()
    validUntil = now - (now % 1000) + 1000
  }
  return value
}
