/**
 * Which pool of an application gets a request: some of its workers are for some of its paths only, so that slow requests there never take
 * the others' workers. Runs in the gateway, for applications that have such pools.
 *
 * Invariant: a path is understood as the application understands it: decoded, and below its root (PATH_INFO).
 */

import { bytesOf } from '../base/bytes.ts'
import type { GatewayApp } from '../config/types.ts'
import { applicationRoot, belowRoot, fullRoot } from '../http/application-root.ts'
import type { Handler } from '../http/exchange.ts'
import { decodePathBytes } from '../http/path.ts'
import { Prefixes } from '../routing/prefixes.ts'

/** `handlers`: one for each pool, in the order of the configuration; the first is that of the main pool. */
export function choosePool(
  { pools, rootPath, path }: Pick<GatewayApp, 'pools' | 'rootPath' | 'path'>,
  handlers: readonly Handler[],
): Handler {
  const prefixes = new Prefixes()
  prefixes.add('', 0)
  for (const [index, { paths }] of pools.entries()) for (const one of paths) prefixes.add(bytesOf(one), index)
  const root = applicationRoot(rootPath, path)
  return exchange => {
    const { request } = exchange
    const full = fullRoot(root, request.rootPath)
    const index = prefixes.find(belowRoot(decodePathBytes(request.path), full, root))
    return handlers[index]!(exchange)
  }
}
