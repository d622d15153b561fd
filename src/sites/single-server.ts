/** A server that is no member of an `[[upstream]]`. */
import type { UpstreamServer } from './upstream-model.ts'

/** One that is alone is always asked, however often it has failed. */
export function singleServer(label: string, address: UpstreamServer['address']): UpstreamServer {
  return {
    label,
    address,
    weight: 1,
    maxFails: 0,
    failTimeout: 0,
    maxConns: 0,
    slowStart: 0,
    isBackup: false,
    isDown: false,
    isDraining: false,
  }
}
