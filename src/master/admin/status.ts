/**
 * The state of the program for `jumak status`: what the master knows of its processes, what the gateway has told, and what the kernel says
 * of memory and processor, as plain data. Runs in the master. Pure; time is an argument.
 *
 * Invariant: what the gateway did not tell, or the kernel, is null; the rest of the status is there all the same.
 * Not here: asking the gateway and the kernel (`target.ts`).
 */
import { version } from '../../base/version.ts'
import type { LogLevel } from '../../config/types.ts'
import type {
  AppState,
  AppStatus,
  AppTraffic,
  CertificateStatus,
  GatewayStatus,
  PoolStatus,
  ProgramStatus,
  ServerState,
  UpstreamStatus,
  Usage,
  WorkerState,
  WorkerStatus,
  WorkerTraffic,
} from '../../control/admin-messages.ts'
import type { LoadedApplication, ReportedPool, ReportedServer, TrafficReport } from '../../control/messages.ts'
import type { Upstream, UpstreamServer } from '../../sites/upstream-model.ts'
import type { ServerOrigin } from '../fleet/upstream-changes.ts'
import type { Fault, WorkerPhase } from '../fleet/worker-phases.ts'
import type { ProcessUsage } from '../host/usage.ts'

/** Times are milliseconds of performance.now. */
export interface ProgramView {
  readonly pid: number
  readonly startedAt: number
  readonly isStopping: boolean
  readonly listeners: readonly string[]
  readonly logLevel: LogLevel
  readonly certificates: readonly CertificateView[]
  readonly gateway: GatewayView | null
  readonly apps: readonly AppView[]
  readonly upstreams: readonly UpstreamView[]
}

export interface UpstreamView {
  readonly upstream: Upstream
  readonly servers: readonly ServerOrigin[]
}

export interface CertificateView {
  readonly names: readonly string[]
  /** Milliseconds since 1970. */
  readonly validTo: number
  readonly problem: string
}

export interface GatewayView {
  /** Undefined: it could not be started. */
  readonly pid: number | undefined
  readonly startedAt: number
  readonly listeningSince: number | null
}

export interface AppView {
  readonly name: string
  readonly path: string
  readonly hosts: readonly string[]
  readonly target: string
  /** Generations. */
  readonly serving: number | null
  readonly next: number | null
  /** Of the generation that serves, else of the one that comes up; null: not known yet. */
  readonly application: LoadedApplication | null
  /** What went wrong last, while it matters; empty: nothing. */
  readonly problem: string
  /** Its workers die again and again, so the next one is started later. */
  readonly isBackingOff: boolean
  /** The main pool first. */
  readonly pools: readonly Omit<PoolStatus, 'serving' | 'waiting'>[]
  readonly workers: readonly WorkerView[]
  /** Its processes that are no workers. */
  readonly preloaders: readonly number[]
}

export interface WorkerView {
  readonly id: number
  readonly pid: number | null
  /** Empty: the main pool. */
  readonly pool: string
  readonly generation: number
  readonly phase: WorkerPhase
  readonly fault: Fault | null
  readonly startedAt: number
}

/** What others have told. `report`: null: the gateway did not answer. */
export interface Told {
  readonly report: TrafficReport | null
  readonly usage: ReadonlyMap<number, ProcessUsage>
  readonly now: number
  /** Milliseconds since 1970. */
  readonly date: number
}

/** The processes whose memory and processor are of interest. */
export function pidsOf({ pid, gateway, apps }: ProgramView): number[] {
  const ofApps = apps.flatMap(app => [...app.preloaders, ...app.workers.flatMap(worker => worker.pid ?? [])])
  return [pid, ...(gateway?.pid === undefined ? [] : [gateway.pid]), ...ofApps]
}

export function describeStatus(view: ProgramView, told: Told): ProgramStatus {
  const { isStopping, listeners, logLevel, pid, startedAt } = view
  const apps = view.apps.map(app => describeApp(app, isStopping, told))
  return {
    version,
    pid,
    state: isStopping ? 'stopping' : programState(apps, view.gateway),
    age: seconds(startedAt, told.now),
    listeners,
    logLevel,
    certificates: describeCertificates(view.certificates, told.date),
    ...usageOf(pidsOf(view), told),
    gateway: describeGateway(view.gateway, told),
    apps,
    upstreams: describeUpstreams(view.upstreams, told.report),
  }
}

/** `report`: null: the gateway did not answer. */
export function describeUpstreams(views: readonly UpstreamView[], report: TrafficReport | null): UpstreamStatus[] {
  return views.map(({ upstream: { name, balance, sticky, queue }, servers }) => {
    const reported = report?.upstreams.find(one => one.name === name)
    return {
      name,
      balance,
      sticky: sticky?.cookie ?? null,
      queue: queue === null ? null : { waiting: reported?.waiting ?? 0, most: queue.most },
      servers: servers.map(({ server, isAdded, isRemoved }) => {
        const { label, weight, isBackup } = server
        const found = reported?.servers.find(one => one.label === label)
        return {
          server: label,
          state: isRemoved ? 'removed' : serverState(server, found),
          isAdded,
          weight,
          isBackup,
          traffic:
            found === undefined ? null : { running: found.running, requests: found.requests, failures: found.failures },
        }
      }),
    }
  })
}

function serverState({ isDown, isDraining }: UpstreamServer, found: ReportedServer | undefined): ServerState {
  if (isDown) return 'down'
  if (isDraining) return 'draining'
  if (found?.isOut) return 'out'
  return found?.isEjected ? 'ejected' : 'up'
}

/** An application that is broken is not about to come. Without one the gateway serves. */
function programState(apps: readonly AppStatus[], gateway: GatewayView | null): ProgramStatus['state'] {
  if (apps.length === 0 && (gateway?.listeningSince ?? null) === null) return 'starting'
  if (apps.some(({ state }) => state === 'failing')) return 'failing'
  return apps.every(({ generation }) => generation !== null) ? 'ready' : 'starting'
}

/** Of more than these an answer would be too long for people, and for the socket. */
const [MAX_CERTIFICATES, MAX_NAMES, MAX_PROBLEM] = [200, 50, 1000]
const DAY_MS = 24 * 3600_000

/** Those whose files are wrong come first, then those that end first. */
function describeCertificates(certificates: readonly CertificateView[], date: number): CertificateStatus[] {
  return certificates
    .toSorted((one, other) => Number(other.problem !== '') - Number(one.problem !== '') || one.validTo - other.validTo)
    .slice(0, MAX_CERTIFICATES)
    .map(({ names, validTo, problem }) => ({
      names: names.slice(0, MAX_NAMES),
      validTo: new Date(validTo).toISOString(),
      daysLeft: Math.floor((validTo - date) / DAY_MS),
      problem: problem.slice(0, MAX_PROBLEM),
    }))
}

function describeGateway(gateway: GatewayView | null, told: Told): GatewayStatus | null {
  if (gateway?.pid === undefined) return null
  const { report, now } = told
  const traffic = report && {
    connections: report.connections,
    http2Connections: report.http2Connections,
    streams: report.streams,
    running: sum(report.workers, ({ running }) => running),
    waiting: sum(report.pools, ({ waiting }) => waiting),
  }
  return {
    pid: gateway.pid,
    state: gateway.listeningSince === null ? 'starting' : 'listening',
    age: seconds(gateway.startedAt, now),
    ...usageOf([gateway.pid], told),
    traffic,
  }
}

function describeApp(app: AppView, isStopping: boolean, told: Told): AppStatus {
  const { name, path, hosts, target, serving, next, application, problem } = app
  const workers = app.workers.map(worker => describeWorker(worker, serving, told))
  const pids = [...app.preloaders, ...app.workers.flatMap(worker => worker.pid ?? [])]
  return {
    name,
    path,
    hosts,
    target: application?.application ?? target,
    state: stateOf(app, isStopping, workers),
    problem,
    generation: serving,
    nextGeneration: next,
    framework: application?.framework ?? '',
    python: application?.python ?? '',
    interface: application?.interface ?? null,
    ...usageOf(pids, told),
    traffic: trafficOf(app, workers, told.report),
    pools: app.pools.map(pool => ({
      ...pool,
      serving: workers.filter(worker => worker.pool === pool.name && worker.state === 'serving').length,
      waiting: told.report === null ? null : (findPool(told.report, name, pool.name)?.waiting ?? 0),
    })),
    workers,
  }
}

function stateOf(app: AppView, isStopping: boolean, workers: readonly WorkerStatus[]): AppState {
  if (isStopping) return 'stopping'
  if (app.serving === null) return app.problem === '' && !app.isBackingOff ? 'starting' : 'failing'
  if (app.isBackingOff || !workers.some(({ state }) => state === 'serving')) return 'failing'
  return app.next === null ? 'ready' : 'reloading'
}

function trafficOf(app: AppView, workers: readonly WorkerStatus[], report: TrafficReport | null): AppTraffic | null {
  if (report === null) return null
  const pools = report.pools.filter(pool => pool.app === app.name)
  return {
    running: sum(workers, ({ traffic }) => traffic?.running ?? 0),
    waiting: sum(pools, ({ waiting }) => waiting),
    answered: sum(pools, ({ answered }) => answered),
    perSecond: Math.round(sum(pools, ({ perSecond }) => perSecond) * 10) / 10,
  }
}

function findPool(report: TrafficReport, app: string, pool: string): ReportedPool | undefined {
  return report.pools.find(one => one.app === app && one.pool === pool)
}

function describeWorker(worker: WorkerView, serving: number | null, told: Told): WorkerStatus {
  const { id, pid, pool, generation, startedAt } = worker
  return {
    number: id,
    pid,
    pool,
    generation,
    state: workerState(worker, serving),
    age: seconds(startedAt, told.now),
    ...usageOf(pid === null ? [] : [pid], told),
    traffic: workerTraffic(id, told.report),
  }
}

function workerTraffic(id: number, report: TrafficReport | null): WorkerTraffic | null {
  const found = report?.workers.find(({ worker }) => worker === id)
  if (found === undefined) return null
  const { answered, running, requests } = found
  return { answered, running, requests }
}

function workerState({ phase, fault, generation }: WorkerView, serving: number | null): WorkerState {
  switch (phase) {
    case 'warming':
    case 'draining':
      return phase
    case 'linked':
      if (fault !== null) return 'leaving'
      // An older one serves until it is drained.
      return serving !== null && generation <= serving ? 'serving' : 'held'
    case 'forking':
    case 'starting':
    case 'ready':
    case 'linking':
      return 'starting'
    default:
      return 'leaving'
  }
}

/** Null where nothing is known of any of them. */
function usageOf(pids: readonly number[], { usage }: Told): Usage {
  const known = pids.flatMap(pid => usage.get(pid) ?? [])
  const total = (values: readonly (number | null)[]) => {
    const numbers = values.filter(value => value !== null)
    return numbers.length === 0 ? null : Math.round(sum(numbers, number => number) * 10) / 10
  }
  return { memory: total(known.map(({ memory }) => memory)), cpu: total(known.map(({ cpu }) => cpu)) }
}

/** Whole seconds are enough for an age; tenths for what has just begun. */
function seconds(since: number, now: number): number {
  return Math.max(0, Math.round((now - since) / 100) / 10)
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
