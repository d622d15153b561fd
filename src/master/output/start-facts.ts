/**
 * What the program says about itself when it starts: facts, as words for people and as fields for machines. The program's own facts are
 * known at once, the application's facts after its import. Runs in the master.
 *
 * In JSON each of these groups is one record, so that its reader needs no other record.
 * Not here: the short form for people (`start-summary.ts`).
 */
import { version } from '../../base/version.ts'
import type { AccessLogConfig, AppConfig, Config, PoolConfig, StaticMount } from '../../config/types.ts'
import type { LoadedApplication } from '../../control/messages.ts'
import type { Fact, Told } from '../../observe/log.ts'
import type { Listener } from '../host/listener.ts'
import { readMemory } from '../host/memory.ts'
import { countOf, describeDuration } from './describe.ts'
import type { NarratedGeneration } from './narrated.ts'

export function programFacts(config: Config, listeners: readonly Listener[]): Told {
  const { trustedProxies, accessLog, logFile, http2 } = config
  const { apps } = config
  const [only] = apps.length === 1 ? apps : []
  const { connections } = config.limits
  const addresses = listeners.map(listener => listener.display)
  const facts: Fact[] = addresses.map((text, i) => ({ label: i === 0 ? 'address' : '', text }))
  facts.push({ label: 'trusted', text: trustedProxies.join(', ') || 'no proxy' })
  const onEach = http2.isOn ? `, with HTTP/2 up to ${http2.streams} requests on each` : ''
  facts.push({ label: 'connections', text: `up to ${connections} at a time${onEach}` })
  facts.push(...gatewayFacts(config))
  facts.push(...(only === undefined ? applicationPlaces(apps) : configuredStatic(only.staticMounts)))
  if (apps.length === 0) facts.push({ label: 'sites', text: describeSites(config) })
  if (accessLog !== null) facts.push({ label: 'access log', text: describeAccessLog(accessLog) })
  if (logFile !== null) facts.push({ label: 'log', text: logFile })
  const fields = {
    version,
    pid: process.pid,
    addresses,
    trusted: trustedProxies,
    connections,
    http2,
    gatewayThreads: config.gatewayThreads,
    ...(only === undefined ? { applications: apps.map(placeFields) } : { staticMounts: only.staticMounts }),
    accessLog,
    logFile,
  }
  return { headline: `Jumak ${version}, process ${process.pid}`, message: 'started', facts, fields }
}

/** Where no application runs. */
export function describeSites({ sites: { sites } }: Pick<Config, 'sites'>): string {
  return `${countOf(sites.length, 'site')}, no application`
}

/** Nothing is told of one thread. */
export function gatewayFacts({ gatewayThreads, gatewayThreadsReason: reason }: GatewayThreads): Fact[] {
  if (gatewayThreads === 1) return []
  return [{ label: 'gateway', text: `${gatewayThreads} threads${reason === '' ? '' : ` (${reason})`}` }]
}

export type GatewayThreads = Pick<Config, 'gatewayThreads' | 'gatewayThreadsReason'>

function configuredStatic(mounts: readonly StaticMount[]): Fact[] {
  return mounts.map(({ url, directory }) => ({ label: 'static', text: `${url} from ${directory}` }))
}

/** Of several applications, a line each: where it is, and what. */
export function applicationPlaces(apps: readonly AppConfig[]): Fact[] {
  const places = apps.map(describePlace)
  const width = Math.max(...places.map(place => place.length))
  return apps.map(({ name, target }, i) => ({
    label: name,
    text: `${places[i]!.padEnd(width)} ${target.found === '' ? `serving ${target.display}` : target.found}`,
  }))
}

/** `/shop`, `api.example.kr`, `api.example.kr/v1`. */
export function describePlace({ path, hosts }: Pick<AppConfig, 'path' | 'hosts'>): string {
  return hosts.length === 0 ? path || '/' : hosts.map(host => `${host}${path}`).join(', ')
}

function placeFields({ name, path, hosts, target, staticMounts }: AppConfig): object {
  return { name, path, hosts, application: target.display, staticMounts }
}

function describeAccessLog({ path, format, minStatus, slowerThan }: AccessLogConfig): string {
  const where = path === '-' ? 'standard output' : path
  const conditions = [
    ...(minStatus > 0 ? [`status ${minStatus} and above`] : []),
    ...(slowerThan > 0 ? [`${describeDuration(slowerThan)} and slower`] : []),
  ]
  const name = ['common', 'combined', 'json'].includes(format) ? format : 'a format of its own'
  return `${where}, ${name}${conditions.length > 0 ? `: only ${conditions.join(', or ')}` : ''}`
}

/**
 * Null while the application is not known. `wanted`: workers of its main pool. `mounts`: directories of static files that its settings
 * name. `isNamed`: it is one of several, so that the program's facts have not told those of the configuration.
 */
export function applicationFacts(
  generation: NarratedGeneration,
  app: AppConfig,
  wanted: number,
  mounts: readonly StaticMount[],
  isNamed = false,
): Told | null {
  const { application: loaded, python, preload, hazards } = generation
  if (loaded === null || python === null) return null
  const { target, concurrency, threads } = app
  const files = describeStatic(loaded, app, mounts)
  const pools = app.pools.filter(({ name }) => name !== '')
  const facts: Fact[] = [
    { label: 'application', text: describeApplication(generation) },
    ...(target.found === '' ? [] : [{ label: '', text: target.found }]),
    { label: 'Python', text: describePython(generation) },
    { label: 'workers', text: describeWorkers(loaded, app, wanted, isNamed) },
    ...(pools.length === 0 ? [] : [{ label: 'pools', text: pools.map(describePool).join(', ') }]),
    { label: 'preload', text: describePreload(generation) },
    ...(isNamed ? configuredStatic(app.staticMounts) : []),
    ...(files === null ? [] : [{ label: 'static', text: files }]),
  ]
  const fields = {
    application: loaded.application,
    framework: loaded.framework,
    found: target.found,
    python: loaded.python,
    pythonPath: python.path,
    pythonReason: python.reason,
    workers: wanted,
    ...(pools.length === 0 ? {} : { pools }),
    interface: loaded.interface,
    threads,
    concurrency,
    workersReason: reasonOf(loaded, app),
    preload: preload !== 'off',
    forkHazards: hazards.map(({ what }) => what),
    importMs: loaded.importMs,
    static: mounts,
    staticSource: files,
    generation: generation.number,
  }
  return { headline: '', message: 'loaded', facts, fields }
}

/** `export 2 workers for /export/`. */
function describePool({ name, paths, workers }: PoolConfig): string {
  return `${name} ${workers === null ? 'as many workers' : countOf(workers, 'worker')} for ${paths.join(' and ')}`
}

/** `2 × 1 thread (auto: 2 cores)`. `isNamed`: it is one of several, and a flag would be for all of them. */
function describeWorkers(application: LoadedApplication, app: AppConfig, wanted: number, isNamed: boolean): string {
  const { concurrency, threads, workers, workerClass, asgiWorkers } = app
  const isAsgi = application.interface === 'asgi'
  const isGreen = workerClass === 'gevent'
  const what = `${wanted} × ${isAsgi || isGreen ? `up to ${countOf(concurrency, 'request')}` : countOf(threads, 'thread')}`
  if (isAsgi && wanted === asgiWorkers) return `${what}: ${isNamed ? 'workers = N' : '-w N'} ${HOW_TO_HAVE_MORE}`
  const reason = reasonOf(application, app)
  return reason === '' || wanted !== workers ? what : `${what} (${reason})`
}

/** With two processes, a chat room that is a list in a module is two chat rooms. */
const HOW_TO_HAVE_MORE = 'for more, if nothing is kept in memory for all clients'

/** Empty where the user said how many. */
function reasonOf(application: LoadedApplication, { asgiWorkers, workersReason }: AppConfig): string {
  return application.interface === 'asgi' && asgiWorkers !== null ? 'the default for ASGI' : workersReason
}

/** Settings that have no effect for this kind of application. */
export function uselessSettings(kind: 'wsgi' | 'asgi', { threads, lifespan }: AppConfig): string[] {
  if (kind === 'wsgi') return lifespan === 'on' ? ['lifespan does nothing for a WSGI application'] : []
  const instead = 'concurrency says what a worker runs at a time'
  return threads > 1 ? [`threads does nothing for an ASGI application: ${instead}`] : []
}

/** Warnings: an application below a path whose pages ask for their static files at the root, where nobody has them. */
export function strayStatic(
  { static: found }: LoadedApplication,
  { path, rootPath }: AppConfig,
  mounts: readonly StaticMount[],
): string[] {
  const root = rootPath + path
  const urls = [...mounts.map(({ url }) => url), ...(found?.finders ?? [])]
  if (path === '' || urls.length === 0 || urls.some(url => url.startsWith(`${root}/`))) return []
  return [
    `STATIC_URL is ${urls[0]}, and only requests below ${root} are for this application: write STATIC_URL = "static/", without a slash at the beginning`,
  ]
}

/** Where a Django project's static files come from, or why there are none. Null: there is nothing to say. */
export function describeStatic(
  application: LoadedApplication,
  app: AppConfig,
  mounts: readonly StaticMount[],
): string | null {
  const { static: found, framework } = application
  if (!app.findStatic) return framework.startsWith('Django') ? 'none: --static off' : null
  if (found === null) return null
  if (found.finders.length > 0)
    return `${found.finders.join(' and ')} from the finders of django.contrib.staticfiles (--reload, DEBUG)`
  if (mounts.length > 0)
    return `${mounts.map(({ url }) => url).join(' and ')} from ${mounts[0]!.directory} (STATIC_ROOT)`
  const [ignored] = found.mounts
  if (ignored !== undefined && app.staticMounts.length === 0)
    return `none: the gateway is another user and does not take STATIC_ROOT from the application; --static ${ignored.url}=${ignored.directory} serves it`
  // The directories that the configuration names have lines of their own.
  return app.staticMounts.length > 0 ? null : `none: ${found.none}`
}

/** Memory by process, when all of them run. `processes`: process ids by name. Null: the system does not tell. */
export async function memoryFacts(processes: Readonly<Record<string, readonly number[]>>): Promise<Told | null> {
  const parts = await Promise.all(
    Object.entries(processes).map(async ([name, pids]) => {
      const found = await Promise.all(pids.map(readMemory))
      const label = name === 'workers' ? countOf(pids.length, 'worker') : name
      return { name, label, bytes: found.reduce((sum, one) => sum + (one?.bytes ?? 0), 0) }
    }),
  )
  const megabytes = (bytes: number) => Math.round(bytes / 1024 ** 2)
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0)
  if (total === 0) return null
  const text = `${megabytes(total)} MB: ${parts.map(({ label, bytes }) => `${label} ${megabytes(bytes)}`).join(', ')}`
  const fields = { memory: Object.fromEntries(parts.map(({ name, bytes }) => [name, bytes])) }
  return { headline: '', message: 'memory', facts: [{ label: 'memory', text }], fields }
}

/** `mysite.wsgi:application, Django 5.2.1`; empty until it is known. */
export function describeApplication({ application }: NarratedGeneration): string {
  if (application === null) return ''
  return application.framework === '' ? application.application : `${application.application}, ${application.framework}`
}

/** `3.13.0, /srv/venv/bin/python (.venv)`. */
export function describePython({ application, python }: NarratedGeneration): string {
  return `${application?.python}, ${python?.path} (${python?.reason})`
}

function describePreload({ application, preload, hazards }: NarratedGeneration): string {
  const took = `in ${describeDuration(application?.importMs ?? 0)}`
  const warned = hazards.length > 0 ? ', see the warnings above' : ''
  if (preload !== 'off') return `imported once ${took}, workers are forked from it${warned}`
  return `off${warned}: each worker imports the application, ${took}`
}
