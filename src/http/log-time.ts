/** The time as logs write it, made once a second: each request of a busy second has the same text. */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

let second = -1
let clf = ''
let iso = ''

/** `21/Nov/2026:10:20:30 +0000`, in UTC. */
export function clfTime(): string {
  follow()
  return clf
}

/** `2026-11-21T10:20:30+00:00`. */
export function isoTime(): string {
  follow()
  return iso
}

function follow(): void {
  const now = Date.now()
  const current = Math.floor(now / 1000)
  if (current === second) return
  second = current
  const date = new Date(now)
  const [day = '', clock = ''] = date.toISOString().slice(0, 19).split('T')
  iso = `${day}T${clock}+00:00`
  clf = `${day.slice(8)}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}:${clock} +0000`
}
