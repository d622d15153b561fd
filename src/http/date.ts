/** Dates of HTTP (RFC9110§5.6.7). */

let validUntil = 0
let value = ''

/** The Date header's value, made once a second: every response carries it. */
export function httpDate(): string {
  const now = Date.now()
  // The second condition: the clock was set back. Otherwise the old date would stay until the clock has caught up.
  if (now >= validUntil || now < validUntil - 1000) {
    value = new Date(now).toUTCString()
    validUntil = now - (now % 1000) + 1000
  }
  return value
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
/** `Sun, 06 Nov 1994 08:49:37 GMT`: what everybody sends. */
const IMF = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/
/** `Sunday, 06-Nov-94 08:49:37 GMT`: obsolete, but a server must read it. */
const RFC850 = /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/
/** `Sun Nov  6 08:49:37 1994`: obsolete too. */
const ASCTIME = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/

/** Milliseconds since 1970; null: `text` is no date of RFC9110§5.6.7. */
export function parseHttpDate(text: string): number | null {
  const imf = IMF.exec(text)
  if (imf) return toTime(Number(imf[3]), imf[2]!, imf[1]!, imf[4]!, imf[5]!, imf[6]!)
  const old = RFC850.exec(text)
  if (old) return toTime(fullYear(Number(old[3])), old[2]!, old[1]!, old[4]!, old[5]!, old[6]!)
  const asc = ASCTIME.exec(text)
  if (asc) return toTime(Number(asc[6]), asc[1]!, asc[2]!, asc[3]!, asc[4]!, asc[5]!)
  return null
}

/** A year of two digits that would be more than 50 years ahead is a year of the past (RFC9110§5.6.7). */
function fullYear(twoDigits: number): number {
  const now = new Date().getUTCFullYear()
  const year = now - (now % 100) + twoDigits
  return year > now + 50 ? year - 100 : year
}

function toTime(year: number, month: string, day: string, hour: string, minute: string, second: string): number | null {
  // 60 is a leap second.
  if (!MONTHS.includes(month) || Number(day) < 1 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60)
    return null
  const midnight = new Date(Date.UTC(year, MONTHS.indexOf(month), Number(day)))
  // `Date` makes the 1st of the next month of the 31st of a month that has 30 days.
  if (midnight.getUTCDate() !== Number(day)) return null
  return midnight.getTime() + Number(hour) * 3_600_000 + Number(minute) * 60_000 + Number(second) * 1000
}
