/**
 * The phases of a worker's life, and the faults that end it. Data only: `supervise.ts` plans from them, `worker-handle.ts` enters them.
 *
 *    forking → starting → ready → linking (→ warming) → linked → draining → drained → stopping → killing → (gone)
 *    fork sent  forked    imports  add sent   a link     a link   drain sent  links    stop sent  KILL sent
 *                         done                open       open,                closed
 *                                                        warm
 *
 * A `linked` worker can serve. It gets requests of clients as soon as its generation serves, and not before.
 * Without a gateway a worker goes back from a phase that has links (`HAS_LINKS`) to `ready`, and from `draining` on to `drained`.
 */

export type WorkerPhase =
  | 'forking'
  | 'starting'
  | 'ready'
  | 'linking'
  | 'warming'
  | 'linked'
  | 'draining'
  | 'drained'
  | 'stopping'
  | 'killing'

/**
 * Why a worker must go.
 *
 * `lost`: the gateway has no links to it any more, so it serves nobody.
 * `stuck`: a request ran past its deadline; its other requests may go on.
 * `mute`: its control connection is gone, so nobody can ask it to stop.
 */
export type Fault = 'lost' | 'stuck' | 'mute'

/** Alive, and nobody has told it to leave: a death in one of these is a crash. */
export const IN_SERVICE: ReadonlySet<WorkerPhase> = new Set([
  'forking',
  'starting',
  'ready',
  'linking',
  'warming',
  'linked',
])

/** It has no request of a client yet, and what it runs may hang: an import, a warm-up. */
export const UNREADY: ReadonlySet<WorkerPhase> = new Set(['forking', 'starting', 'warming'])

/** The gateway has links to it, or opens them. */
export const HAS_LINKS: ReadonlySet<WorkerPhase> = new Set(['linking', 'warming', 'linked'])

/** It has imported the application, so it is known when it is due for recycling. */
export const SETTLED: ReadonlySet<WorkerPhase> = new Set(['ready', 'linking', 'warming', 'linked'])
