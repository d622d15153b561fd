/** How many threads the gateway has if the user says `auto`. Runs in the command line; only reads files. */
import { usableCores } from './cores.ts'
import type { Machine } from './environment.ts'

/** One thread feeds the workers of so many cores, and some are left for TLS and compression. */
const CORES_OF_A_THREAD = 4

export interface GatewayThreads {
  readonly threads: number
  /** Why, for the start-up line: `auto: 12 cores`. */
  readonly reason: string
}

/** One for each four cores, begun ones too: 1 with four cores, 2 with five. */
export function autoGatewayThreads(machine: Machine, isDevelopment: boolean, most: number): GatewayThreads {
  if (isDevelopment) return { threads: 1, reason: 'auto: one while developing' }
  if (!machine.canCopyDescriptors) return { threads: 1, reason: `auto: Node ${machine.nodeVersion} can have one` }
  const { count, found } = usableCores(machine)
  const threads = Math.min(most, Math.max(1, Math.ceil(count / CORES_OF_A_THREAD)))
  return { threads, reason: `auto: ${found}` }
}
