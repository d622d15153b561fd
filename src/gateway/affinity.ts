/** How the clients of one pool are known again, from the application's setting. Runs in the gateway. */
import type { PoolAffinity } from '../apps/pool/affinity.ts'
import type { GatewayApp } from '../config/types.ts'
import { applicationRoot } from '../http/application-root.ts'

const COOKIE = 'jumak-home'

/**
 * `app`: the application's configuration in force now. `pool`: the pool's name, empty for the main pool. A client has a worker in each
 * pool of an application, so each pool has a cookie of its own. Applications may have cookies of the same name, for each takes only those
 * that are signed for it. `key`: as in the message `start`.
 */
export function poolAffinity(app: () => GatewayApp, pool: string, key: string): PoolAffinity {
  const { affinity, name } = app()
  if (affinity === null) return null
  const secret = { key: Buffer.from(key, 'hex') }
  if (affinity.kind !== 'cookie') return { ...affinity, ...secret }
  const root = () => applicationRoot(app().rootPath, app().path)
  const cookie = pool === '' ? COOKIE : `${COOKIE}-${pool}`
  return { kind: 'cookie', name: cookie, app: `${name} ${pool}`, root, ...secret }
}
