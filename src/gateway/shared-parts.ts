/** What all applications of a gateway use together: memory, disk, error pages, the program's log. Built once. Runs in the gateway. */
import type { PoolEvents } from '../apps/pool/events.ts'
import type { SlotSourceFactory } from '../apps/pool/slots.ts'
import { loadNow } from '../base/load-now.ts'
import { OpenFiles } from '../base/open-files.ts'
import type { OtherUses } from '../base/other-threads.ts'
import { POOL_OF_A_LOOP, PoolShares } from '../base/pool-shares.ts'
import { freeBytes, TemporarySpace } from '../base/temporary-space.ts'
import type { Traffic } from '../base/traffic.ts'
import { Encoders } from '../compression/encoders.ts'
import type { GatewayConfig, LogLevel, QueueOrder } from '../config/types.ts'
import type { GatewayStart, GatewayToMaster } from '../control/messages.ts'
import { KeptCodings } from '../handlers/static/kept-codings.ts'
import { type TrustedProxies, trustedProxies } from '../http/trusted-proxies.ts'
import type { LimitSource, MemoryOfLimits } from '../limits/memories.ts'
import type { GroupSource } from '../upstream/balance/group-memories.ts'
import type { Counts } from './connections/addresses.ts'
import { OwnPages } from './errors/own-pages.ts'
import { Refusals } from './errors/refusals.ts'
import { GatewayMemory } from './memory.ts'
import { poolEvents } from './pool-events.ts'

/** Of what is free on the disk at start. The rest is for others. */
const FREE_SHARE = 3 / 4

/** `request`: the id of the request that the message is about, `app`: the name of the application; empty: it is about none. */
export type GatewayLog = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  request?: string,
  app?: string,
) => void

export interface SharedParts {
  readonly config: GatewayConfig
  readonly build: string
  /** As in the message `start`. */
  readonly affinityKey: string
  readonly log: GatewayLog
  /** From now on, until the process ends. */
  readonly setLogLevel: (level: LogLevel) => void
  readonly memory: GatewayMemory
  readonly space: TemporarySpace
  /** What takes long in Node's thread pool asks here first. */
  readonly pool: PoolShares
  readonly encoders: Encoders
  /** Compressed forms of files. */
  readonly kept: KeptCodings
  readonly pages: OwnPages
  readonly refusals: Refusals
  readonly trusted: TrustedProxies
  readonly events: PoolEvents
  readonly limits: LimitSource
  /** What is known of servers of upstreams. Null: there have been none yet. */
  readonly groups: { current: GroupSource | null }
  /** Null: this is the only event loop of the gateway. */
  readonly threads: OtherLoops | null
}

/** What an event loop shares with the others, where the gateway has several threads. */
export interface OtherLoops {
  /** What they use of memory and files. */
  readonly uses: OtherUses
  /** The slots that a pool of an application shares with their pools. */
  readonly slotSource: (app: string, pool: string, order: QueueOrder) => SlotSourceFactory
  /** How many requests of each client network wait, of an application in all threads. */
  readonly addressCounts: (app: string) => Counts
  readonly limits: LimitSource
  readonly groups: GroupSource
  /** What their connections do, as they have told it last. */
  readonly traffic: () => Traffic
  /** Requests of this kind cost workers: their pools must know it. */
  readonly onOffender: (app: string, pool: string, kind: string) => void
}

type Send = (message: GatewayToMaster) => void

export function makeShared(
  { config, build, affinityKey }: GatewayStart,
  send: Send,
  threads: OtherLoops | null,
): SharedParts {
  const wanted: WantedLevel = { level: config.logLevel }
  const log = gatewayLog(wanted, send)
  const refusals = new Refusals(log)
  const memory = new GatewayMemory(config.limits.memory, log, threads?.uses.memory)
  const space = makeSpace(config, refusals, threads?.uses ?? null)
  const pool = new PoolShares({ threads: poolThreads(), loops: config.gatewayThreads })
  const encoders = new Encoders(memory.budget, pool)
  return {
    config,
    build,
    affinityKey,
    log,
    setLogLevel: level => {
      wanted.level = level
    },
    memory,
    space,
    pool,
    encoders,
    kept: new KeptCodings(encoders, space.files),
    pages: new OwnPages(config.errorPages),
    refusals,
    trusted: trustedProxies(config.trustedProxies),
    events: poolEvents(send, log),
    limits: threads?.limits ?? ownLimits(),
    groups: { current: threads?.groups ?? null },
    threads,
  }
}

/** Most gateways limit nobody, so what remembers it is loaded with the first limit. */
function ownLimits(): LimitSource {
  let source: LimitSource | null = null
  return {
    thread: 0,
    memoriesOf: limits => {
      if (source === null) {
        if (limits.length === 0) return NO_MEMORIES
        const { LimitMemories }: typeof import('../limits/memories.ts') = loadNow(import.meta, '../limits/memories')
        source = new LimitMemories(false)
      }
      return source.memoriesOf(limits)
    },
  }
}

const NO_MEMORIES: MemoryOfLimits = new Map()

/** As the master has set it. */
function poolThreads(): number {
  return Number(process.env['UV_THREADPOOL_SIZE'] ?? POOL_OF_A_LOOP)
}

interface WantedLevel {
  level: LogLevel
}

/** The master writes the log, and would throw away a message for each refused request: so nothing is sent that it does not write. */
function gatewayLog(wanted: WantedLevel, send: Send): GatewayLog {
  return (level, message, request = '', app = '') => {
    if (level !== 'debug' || wanted.level === 'debug') send({ type: 'log', level, message, request, app })
  }
}

/** Several threads have the same limit, so the main thread asks for it before they start. */
export function temporaryBytes({ temporaryDirectory, limits }: GatewayConfig): number {
  return limits.temporaryBytes ?? Math.floor(freeBytes(temporaryDirectory) * FREE_SHARE)
}

function makeSpace(config: GatewayConfig, refusals: Refusals, others: OtherUses | null): TemporarySpace {
  const bytes = temporaryBytes(config)
  return new TemporarySpace(config.temporaryDirectory, {
    bytes,
    files: new OpenFiles(config.limits.openFiles, others?.files),
    others: others?.disk ?? null,
    onFull: () => refusals.content(bytes),
  })
}
