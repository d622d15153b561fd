/** uvicorn's workers, and the limits of what they do. Pure. */
import { type AnyOption, idle, type Section, works } from '../option.ts'
import { type Shape, wholeNumber } from '../shapes.ts'
import type { Translation } from '../translation.ts'

/** Seconds: the longest time of a timer. */
const LONGEST = 2_147_483
const MAX_CONCURRENCY = 65_536
const MAX_WORKERS = 1024

const seconds = (value: number) => `${Math.min(value, LONGEST)}`
const anyNumber: Shape<number> = wholeNumber(Number.MIN_SAFE_INTEGER)

const limit = (
  name: string,
  standard: string | undefined,
  doc: string,
  as: string,
  apply: (value: number, to: Translation) => void,
  shape = wholeNumber(),
): AnyOption =>
  works(name, { flags: [`--${name.replaceAll('_', '-')}`], shape, ...(standard && { standard }), doc }, as, apply)

export const WORKERS: Section = {
  title: 'Workers',
  options: [
    limit(
      'workers',
      undefined,
      'Worker processes; also $WEB_CONCURRENCY; else 1.',
      '`--workers`; with `--reload` there is one, as there',
      (count, to) => {
        if (to.valueOf<boolean>('reload') === true && count > 1) to.tell('does nothing with --reload, as in uvicorn')
        else to.set('workers', `${Math.min(Math.max(count, 1), MAX_WORKERS)}`)
      },
      anyNumber,
    ),
    limit(
      'limit_concurrency',
      undefined,
      'Requests that run at a time; one more is answered 503.',
      '`--concurrency` of each worker, and `--queue-limit 0`: 503 for one more. It counts requests until their response begins; uvicorn counts idle connections and open streams too',
      (count, to) => {
        to.set('concurrency', `${Math.min(Math.max(count, 1), MAX_CONCURRENCY)}`)
        to.set('queue-limit', '0')
        to.tell(
          'counts requests that have no response yet; idle connections and open streams do not count, as they do in uvicorn. ' +
            'One more is answered 503, as there; without this option JUMAK_CONCURRENCY and JUMAK_QUEUE_LIMIT let requests wait instead',
        )
      },
    ),
    limit(
      'limit_max_requests',
      undefined,
      'Requests after which a worker ends.',
      '`--max-requests`: the worker is replaced, also if it is the only one; uvicorn with one worker ends, and waits for somebody to start it again',
      (count, to) => {
        to.set('max-requests', `${Math.max(count, 1)}`)
        to.tell('replaces the worker here, while another one serves; it does not end the program')
      },
    ),
    limit(
      'limit_max_requests_jitter',
      '0',
      'Largest random number that is added to it.',
      '`--max-requests-jitter`',
      (count, to) => {
        if (to.isGiven('limit_max_requests')) to.set('max-requests-jitter', `${count}`)
        else to.tell('does nothing without --limit-max-requests, as in uvicorn')
      },
    ),
    limit(
      'timeout_keep_alive',
      '5',
      'Seconds that an idle connection stays open.',
      '`--keep-alive`; 0 is one second',
      (value, to) => {
        if (value === 0) to.tell('is one second here: 0 would close connections before their first request')
        to.set('keep-alive', value === 0 ? '1' : seconds(value))
      },
    ),
    limit(
      'timeout_graceful_shutdown',
      undefined,
      'Seconds that running requests have when the program stops.',
      '`--graceful-timeout`; without it an hour, where uvicorn waits without end',
      (value, to) => to.set('graceful-timeout', seconds(value)),
    ),
    idle(
      'timeout_worker_healthcheck',
      {
        flags: ['--timeout-worker-healthcheck'],
        shape: wholeNumber(),
        standard: '5',
        doc: 'Seconds in which a worker must answer its supervisor.',
      },
      'is not needed: the end of a worker is noticed at once, and JUMAK_TIMEOUT replaces one that is stuck',
    ),
  ],
}
