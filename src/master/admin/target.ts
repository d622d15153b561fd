/**
 * What the admin socket can ask of this program, on its real fleets: makes the status, reloads and waits, changes numbers of workers and the
 * level of the log. Runs in the master.
 *
 * Invariant: a command does what the signal of the same meaning does, by the same calls.
 * Not here: which questions there are (`commands.ts`), the status as data (`status.ts`).
 */
import type { LogLevel } from '../../config/types.ts'
import type { AdminQuestion, ProgramStatus } from '../../control/admin-messages.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Fleets } from '../fleet/fleets.ts'
import { unknownGroup } from '../fleet/upstream-changes.ts'
import { measure } from '../host/usage.ts'
import { countOf, describeSuccessor } from '../output/describe.ts'
import type { Narrator } from '../output/narrator.ts'
import { upstreamLines } from '../output/upstream-lines.ts'
import type { AdminTarget, Outcome } from './commands.ts'
import { type Reloads, type SettledApp, settledWords } from './reloads.ts'
import type { Reports } from './reports.ts'
import {
  type AppView,
  type CertificateView,
  describeStatus,
  describeUpstreams,
  type ProgramView,
  pidsOf,
} from './status.ts'

export interface ReloadBegun {
  /** Of the new configuration. Empty: none. With one nothing changes. */
  readonly problems: readonly string[]
  /** What waits for the next start, in a sentence; empty: nothing does. */
  readonly later: string
}

export interface TargetOptions {
  readonly fleets: Fleets
  readonly narrator: Narrator
  readonly reports: Reports
  readonly reloads: Reloads
  readonly listeners: readonly string[]
  /** Of TLS. */
  readonly certificates: () => readonly CertificateView[]
  readonly isStopping: () => boolean
  /** As HUP, but for `only` one application, if it is named: nothing else changes. */
  readonly reload: (only: string | null) => Promise<ReloadBegun>
  /** As USR2: resolves when the new one serves, or is given up. */
  readonly upgrade: (tell: (progress: string) => void) => Promise<Outcome>
  /** Why there can be no reload now; null: there can. */
  readonly reloadObstacle: () => string | null
  /** The program's files have been replaced: only an upgrade can load them. */
  readonly hasNewFiles: () => boolean
  /** As TERM. */
  readonly stop: () => void
}

/** When the program started, in milliseconds of performance.now. */
const STARTED_AT = 0

/** How long a drain is waited for, and how often the gateway is asked meanwhile. */
const [DRAIN_MS, DRAIN_LOOK_MS] = [20_000, 200]

const NO_UPSTREAMS = 'there are no upstreams: no location has proxy'

const STOPPING: Outcome = { error: 'the program is stopping' }

export class Target implements AdminTarget {
  readonly #options: TargetOptions

  constructor(options: TargetOptions) {
    this.#options = options
  }

  apps(): { name: string; pools: string[] }[] {
    return this.#options.fleets.present.map(({ name, pools }) => ({
      name,
      pools: pools.map(pool => pool.name).filter(Boolean),
    }))
  }

  async status(): Promise<ProgramStatus> {
    const { fleets, reports } = this.#options
    const [usage, report] = await Promise.all([
      measure(pidsOf(this.#view())),
      fleets.gateway === null ? null : reports.ask(),
    ])
    return describeStatus(this.#view(), { report, usage, now: performance.now(), date: Date.now() })
  }

  async reload(app: string | null, tell: (progress: string) => void): Promise<Outcome> {
    const { fleets, isStopping, reload, reloads, reloadObstacle, hasNewFiles, upgrade } = this.#options
    if (isStopping()) return STOPPING
    const obstacle = reloadObstacle()
    if (obstacle !== null) return { error: obstacle }
    if (hasNewFiles()) return upgrade(tell)
    const before = new Map(fleets.present.map(({ name, generations }) => [name, generations.last]))
    const { problems, later } = await reload(app)
    if (problems.length > 0)
      return { error: [...problems, 'nothing changes, because the settings are wrong'].join('\n') }
    if (app !== null && fleets.get(app) === undefined)
      return { error: `the application ${app} is not in the configuration any more` }
    const refused = app === null ? [...fleets.refused.values()] : []
    const reloaded = app === null ? fleets.present.map(({ name }) => name) : [app]
    const isNamed = fleets.present.length > 1
    for (const name of reloaded) tell(`${isNamed ? `${name}: ` : ''}the new code starts`)
    const all = await Promise.all(
      reloaded.map(async name => {
        const settled = await reloads.wait(name, before.get(name) ?? 0)
        if (isNamed) tell(settledWords(settled, isNamed))
        return settled
      }),
    )
    return outcomeOf(all, refused, isNamed, later)
  }

  async upgrade(tell: (progress: string) => void): Promise<Outcome> {
    const { isStopping, upgrade } = this.#options
    return isStopping() ? STOPPING : upgrade(tell)
  }

  stop(): Outcome {
    const { isStopping, stop } = this.#options
    const message = isStopping() ? 'the program is stopping already' : 'stopping'
    stop()
    return { message }
  }

  setWorkers(app: string, pool: string, count: number): Outcome {
    const { fleets, isStopping } = this.#options
    if (isStopping()) return STOPPING
    fleets.get(app)!.setWanted(pool, count)
    const whose = fleets.present.length > 1 || pool !== '' ? ` of ${app}${pool === '' ? '' : `/${pool}`}` : ''
    return { message: `${countOf(count, 'worker')}${whose} wanted` }
  }

  setLogLevel(level: LogLevel): Outcome {
    const { narrator, fleets } = this.#options
    narrator.setLevel(level)
    fleets.setLogLevel(level)
    return { message: `log level ${level}` }
  }

  async upstream(
    { action, upstream, label = '', server }: Extract<AdminQuestion, { readonly command: 'upstream' }>,
    tell: (progress: string) => void,
  ): Promise<Outcome> {
    const { fleets, isStopping, reports } = this.#options
    if (action === 'list') {
      const all = fleets.upstreams
      const views = upstream === undefined ? all : all.filter(one => one.upstream.name === upstream)
      const groups = all.map(one => one.upstream)
      if (views.length === 0) return { error: upstream === undefined ? NO_UPSTREAMS : unknownGroup(upstream, groups) }
      const report = fleets.gateway === null ? null : await reports.ask()
      return { message: upstreamLines(describeUpstreams(views, report)).join('\n') }
    }
    if (isStopping()) return STOPPING
    const problem = fleets.changeUpstream({ action, upstream: upstream!, label, ...(server && { server }) })
    if (problem !== null) return { error: problem }
    if (action === 'drain') return this.#drained(upstream!, label, tell)
    return {
      message: action === 'add' ? `${label} gets requests of ${upstream}` : `${label} is removed from ${upstream}`,
    }
  }

  /** Waits until the server has nothing any more. WebSockets may last for days, and a command must not. */
  async #drained(upstream: string, label: string, tell: (progress: string) => void): Promise<Outcome> {
    const { reports } = this.#options
    const until = performance.now() + DRAIN_MS
    let told = ''
    for (;;) {
      const report = await reports.ask()
      const found = report?.upstreams.find(one => one.name === upstream)?.servers.find(one => one.label === label)
      if (found?.isDraining && found.running === 0)
        return { message: `${label} is drained: it has no request any more` }
      const left = found === undefined ? 'the gateway does not answer' : `it has ${countOf(found.running, 'request')}`
      if (performance.now() >= until)
        return { message: `${label} gets no new requests; ${left}. jumak upstream ${upstream} says when they are over` }
      if (left !== told) tell(`${label} gets no new requests; ${left}`)
      told = left
      await new Promise(resolve => setTimeout(resolve, DRAIN_LOOK_MS))
    }
  }

  #view(): ProgramView {
    const { fleets, narrator, listeners, certificates, isStopping } = this.#options
    return {
      pid: process.pid,
      startedAt: STARTED_AT,
      isStopping: isStopping(),
      listeners,
      logLevel: narrator.level,
      certificates: certificates(),
      gateway: fleets.gateway,
      apps: fleets.present.map(appView),
      upstreams: fleets.upstreams,
    }
  }
}

function appView(fleet: Fleet): AppView {
  const { app, generations, workers, pools, name } = fleet
  const { serving, next } = generations
  const [current, coming] = [generations.get(serving), generations.get(next)]
  const now = performance.now()
  const crashes = pools
    .flatMap(pool => (current ?? coming)?.crashesOf(pool.name) ?? [])
    .find(({ notBefore }) => notBefore > now)
  const isBackingOff = crashes !== undefined
  return {
    name,
    path: app.path,
    hosts: app.hosts,
    target: app.target.display,
    serving,
    next,
    application: current?.application ?? coming?.application ?? null,
    problem: isBackingOff ? `workers die: ${describeSuccessor(crashes, now)}` : givenUp(fleet),
    isBackingOff,
    pools,
    workers: [...workers.values()],
    preloaders: [...generations.values()].flatMap(({ pid }) => pid ?? []),
  }
}

/** Why the last reload did not succeed, or the last start. Empty: it did. */
function givenUp({ generations: { problem, serving } }: Fleet): string {
  return problem === '' || serving === null ? problem : `the last reload was given up: ${problem}`
}

/** What went wrong comes first. `refused`: sentences about applications that could not be added. `later`: one more line. */
function outcomeOf(all: readonly SettledApp[], refused: readonly string[], isNamed: boolean, later: string): Outcome {
  const wordsOf = (settled: readonly SettledApp[]) => settled.map(one => settledWords(one, isNamed))
  const failed = [...refused, ...wordsOf(all.filter(({ failure }) => failure !== null))]
  const served = wordsOf(all.filter(({ failure }) => failure === null))
  const words = [...failed, ...served, ...(later === '' ? [] : [later])].join('\n')
  if (failed.length > 0) return { error: words }
  return { message: words === '' ? 'the new settings are in force' : words }
}
