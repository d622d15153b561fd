/** Adds up what several threads report for `jumak status`. Runs in the main thread of the gateway. */
import { MAX_OF_WORKER } from '../../apps/pool/running.ts'
import type { ReportedPool, ReportedUpstream, ReportedWorker, TrafficReport } from '../../control/messages.ts'
import { MAX_IN_ALL } from '../report.ts'

export function mergeReports(reports: readonly TrafficReport[]): TrafficReport {
  let room = MAX_IN_ALL
  const sum = (of: (report: TrafficReport) => number) => reports.reduce((total, report) => total + of(report), 0)
  return {
    connections: sum(({ connections }) => connections),
    http2Connections: sum(({ http2Connections }) => http2Connections),
    streams: sum(({ streams }) => streams),
    pools: grouped(
      reports.flatMap(({ pools }) => pools),
      ({ app, pool }) => `${app} ${pool}`,
    ).map(addPools),
    workers: grouped(
      reports.flatMap(({ workers }) => workers),
      ({ worker }) => worker,
    ).map(parts => {
      const worker = addWorkers(parts, room)
      room -= worker.requests.length
      return worker
    }),
    upstreams: mergeUpstreams(reports.map(({ upstreams }) => upstreams)),
  }
}

/** All threads have the same numbers of servers, in shared memory. What differs is who waits, and whether they know already that a server is drained. */
function mergeUpstreams([first = [], ...others]: readonly (readonly ReportedUpstream[])[]): ReportedUpstream[] {
  const drains = (all: readonly ReportedUpstream[], name: string, label: string) =>
    all.find(one => one.name === name)?.servers.find(one => one.label === label)?.isDraining === true
  const waitingOf = (all: readonly ReportedUpstream[], name: string) => all.find(one => one.name === name)?.waiting ?? 0
  return first.map(({ name, waiting, servers }) => ({
    name,
    waiting: others.reduce((sum, all) => sum + waitingOf(all, name), waiting),
    servers: servers.map(server => ({
      ...server,
      isDraining: server.isDraining && others.every(all => drains(all, name, server.label)),
    })),
  }))
}

function grouped<T, K>(all: readonly T[], keyOf: (one: T) => K): [T, ...T[]][] {
  return [...Map.groupBy(all, keyOf).values()] as [T, ...T[]][]
}

function addPools(parts: [ReportedPool, ...ReportedPool[]]): ReportedPool {
  const sum = (of: (part: ReportedPool) => number) => parts.reduce((total, part) => total + of(part), 0)
  return {
    app: parts[0].app,
    pool: parts[0].pool,
    waiting: sum(({ waiting }) => waiting),
    answered: sum(({ answered }) => answered),
    perSecond: Math.round(sum(({ perSecond }) => perSecond) * 10) / 10,
  }
}

/** `room`: how many requests may be named. */
function addWorkers(parts: [ReportedWorker, ...ReportedWorker[]], room: number): ReportedWorker {
  return {
    worker: parts[0].worker,
    answered: parts.reduce((sum, { answered }) => sum + answered, 0),
    running: parts.reduce((sum, { running }) => sum + running, 0),
    requests: parts
      .flatMap(({ requests }) => requests)
      .sort((a, b) => b.milliseconds - a.milliseconds)
      .slice(0, Math.min(MAX_OF_WORKER, room)),
  }
}
