/** How the clients of one pool are known again, from the application's setting. Runs in the gateway. */
import type { PoolAffinity } from '../apps/pool/affinity.ts'
import type { GatewayApp } from '../config/types.ts'
import type { ApplicationRoot } from '../http/application-root.ts'

const COOKIE = 'jumak-home'
const NO_TOKEN = /[^\w-]/g

/**
 * `pool`: its name, empty for the main pool. A client has a worker in each pool of an application, so each pool has a cookie of its own.
 * Applications may have cookies of the same name, for each takes only those that are signed for it. `key`: as in the message `start`. `root`: where the application is now.
 */
export function poolAffinity(
  { affinity, name }: GatewayApp,
  pool: string,
  key: string,
  root: () => ApplicationRoot,
): PoolAffinity {
  if (affinity === null) return null
  const secret = { key: Buffer.from(key, 'hex') }
  if (affinity.kind !== 'cookie') return { ...affinity, ...secret }
  const cookie = pool === '' ? COOKIE : `${COOKIE}-${pool.replace(NO_TOKEN, '-')}`
  return { kind: 'cookie', name: cookie, app: `${name} ${pool}`, root, ...secret }
}
