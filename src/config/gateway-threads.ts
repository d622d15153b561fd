/**
 * How many threads the gateway has: a number that was given, or `auto`. Runs in the command line, and in the master when it reloads.
 *
 * The links of all threads must fit into the limit on open files, with as much again for clients. A number that was given is refused if they
 * do not. `auto` is smaller then.
 */
import { join } from 'node:path'
import { tooManyDescriptors } from './defaults.ts'
import type { Environment, Machine } from './machine/environment.ts'
import { autoGatewayThreads, type GatewayThreads } from './machine/gateway-threads.ts'
import { closedDirectory } from './machine/own-files.ts'
import { MAX_GATEWAY_THREADS, processes } from './settings/processes.ts'
import type { Config, Identity } from './types.ts'
import type { Values } from './values.ts'

export interface GatewayCircumstances {
  readonly isDevelopment: boolean
  /** The user that the gateway becomes; null: ours. */
  readonly identity: Identity | null
  /** From one thread to one generation of workers. */
  readonly links: number
  /**
   * The configuration before, if this is a reload. `auto` may be another number by now, because a CPU quota can change. What runs, and the
   * links of its workers, has the old one.
   */
  readonly running: Config | null
}

export function readGatewayThreads(
  values: Values,
  { machine }: Environment,
  { isDevelopment, identity, links, running }: GatewayCircumstances,
): GatewayThreads {
  const { gatewayThreads: setting } = processes
  const descriptors = join(machine.procRoot, 'self/limits')
  const wanted = values.one(setting)
  if (isDevelopment || (wanted === 'auto' && running === null)) {
    const auto = autoGatewayThreads(machine, isDevelopment, MAX_GATEWAY_THREADS)
    if (auto.threads > 1 && closedTo(identity, machine) !== null)
      return { threads: 1, reason: `auto: ${nameOf(identity)} cannot read Jumak's files` }
    let { threads } = auto
    while (threads > 1 && tooManyDescriptors(descriptors, links, threads) !== null) threads--
    return threads === auto.threads ? auto : { threads, reason: `${auto.reason}, limited by open files` }
  }
  const threads = running?.gatewayThreads ?? (wanted === 'auto' ? 1 : wanted)
  if (threads > 1 && !machine.canCopyDescriptors)
    values.report(
      setting,
      `is ${threads}, and Node ${machine.nodeVersion} can have one thread: give 1 or auto, or run Jumak on Node 26 or newer, with its module node:ffi`,
    )
  const closed = threads > 1 ? closedTo(identity, machine) : null
  if (closed !== null)
    values.report(
      setting,
      `is ${threads}, and each thread reads Jumak's files as ${nameOf(identity)}, who may not enter ${closed}: install Jumak where all users may read it, or give 1 or auto`,
    )
  const excess = threads > 1 ? tooManyDescriptors(descriptors, links, threads) : null
  if (excess !== null)
    values.report(
      setting,
      `is ${threads}, and with ${threads} links to each of ${links} slots, twice as many during a reload, the gateway holds ${excess.held} open files: ${excess.allowed} are allowed, and clients need half of them; raise the limit (ulimit -n), or have fewer gateway-threads or workers`,
    )
  return { threads, reason: running?.gatewayThreadsReason ?? '' }
}

/**
 * The directory that keeps the user of the gateway from Jumak's files; null: there is none. A thread reads its code when the gateway has
 * become its user already; a gateway with one thread has read it before.
 */
function closedTo(identity: Identity | null, { ownFile }: Machine): string | null {
  return identity === null || identity.uid === 0 ? null : closedDirectory(ownFile)
}

function nameOf(identity: Identity | null): string {
  return `the user ${identity?.userName ?? ''}`
}
