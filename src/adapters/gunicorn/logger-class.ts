/** gunicorn's `logger_class`: a class of the user's, and what it does. Pure. */
import type { Translation } from '../translation.ts'
import { kindOfWorker } from './worker-class.ts'

/** gunicorn's own, and that of `statsd_host` (`python/jumak_worker/hooks/logger.py`). */
const OWN = ['', 'simple', 'gunicorn.glogging.Logger', 'gunicorn.instrument.statsd.Statsd']

export function hasOwnLogger(to: Translation): boolean {
  return isOwnLogger(to.valueOf<string>('logger_class'))
}

/** `name`: the value of `logger_class`; undefined: none was given. */
export function isOwnLogger(name: unknown): boolean {
  return !OWN.includes(String(name ?? ''))
}

/** Its `access` gets each request that a WSGI application gets: then the gateway writes no access log. */
export function writesAccessLog(to: Translation): boolean {
  return hasOwnLogger(to) && kindOfWorker(to) !== 'asgi'
}
