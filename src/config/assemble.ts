/**
 * Makes the configuration: plain values as they were given, all others computed, by one function for each. Runs in the command
 * line, and in the master when it reloads.
 *
 * Invariants: every value is read even if another one is wrong, so the user sees all problems at once. The result is null only
 * together with a diagnostic.
 *
 * Not here: an application's part (`assemble-app.ts`); the plain settings, which need no code (`settings/README.md`).
 */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import type { ForwardedHeader } from '../base/forwarded-headers.ts'
import { readAdminSocket } from './admin-socket.ts'
import type { GivenSettings } from './applications.ts'
import { type AppCircumstances, assembleApp } from './assemble-app.ts'
import { programCompression } from './assemble-compression.ts'
import { refuseConflicts } from './assemble-keys.ts'
import { assembleSites } from './assemble-sites.ts'
import { assembleTls, checkHttps, hasTls } from './assemble-tls.ts'
import { ADDRESS_SHARE, connectionLimit, openFileLimit } from './defaults.ts'
import { readGatewayThreads } from './gateway-threads.ts'
import { readIdentity, readOtherIdentity } from './identity.ts'
import { formatBind, includesAddress, schemeOf } from './kinds/bind.ts'
import { readErrorPage } from './kinds/error-page.ts'
import { usableCores } from './machine/cores.ts'
import type { Environment } from './machine/environment.ts'
import { isDirectory } from './machine/files.ts'
import { autoMemory, connectionsInMemory } from './machine/memory.ts'
import { cgi } from './settings/cgi.ts'
import { errors } from './settings/errors.ts'
import { APPLICATION_SETTINGS, PROGRAM_GROUPS, type ProgramValues } from './settings/index.ts'
import { listening } from './settings/listening.ts'
import { logging } from './settings/logging.ts'
import { processes } from './settings/processes.ts'
import { remoteLogs } from './settings/remote-logs.ts'
import { resources } from './settings/resources.ts'
import { responses } from './settings/responses.ts'
import { workers } from './settings/workers.ts'
import type { Given } from './sources/given.ts'
import { MAX_RANGES, readRanges } from './trusted-file.ts'
import type { AppConfig, BindAddress, Config, ErrorPage, Identity, Limits } from './types.ts'
import { Values } from './values.ts'

/**
 * Also fills `values`, which are the program's, with all diagnostics. `file`: the absolute path of the configuration's file, or null.
 * `running`: the configuration before, if this is a reload.
 */
export function assembleConfig(
  given: GivenSettings,
  values: Values,
  environment: Environment,
  isAppUncertain: boolean,
  file: string | null,
  running: Config | null = null,
): Config | null {
  const plain = values.plain<ProgramValues>(PROGRAM_GROUPS)
  const { isDevelopment } = plain
  const apps = assembleApps(given, values, environment, { isDevelopment, isAppUncertain })
  const path = values.one(logging.accessLog.path)
  const links = linksOf(apps)
  const flatIdentity = readIdentity(values, environment)
  const gatewayIdentity = readOtherIdentity(values, environment, processes.gatewayUser, flatIdentity)
  const cgiIdentity = readOtherIdentity(values, environment, cgi.cgi.user, flatIdentity)
  const gateway = readGatewayThreads(values, environment, { isDevelopment, identity: gatewayIdentity, links, running })
  checkHealthPaths(values, plain.health)
  const bind = readAddresses(values)
  const tls = assembleTls(given, values, environment)
  // Sites inherit what is in force, which another value in the file is not before a restart.
  const asGiven = programCompression(values)
  const compression = running?.compression ?? asGiven
  const sites = assembleSites(given.sites, {
    environment,
    values,
    apps,
    appPlaces: new Map(
      given.apps.flatMap(app =>
        app.origin === null ? [] : [[app.name, { file: app.origin.file, ...app.origin.position }]],
      ),
    ),
    bind,
    compression,
    cgiUsers: {
      own: environment.uid,
      processes: uidsOf([gatewayIdentity, cgiIdentity, ...apps.map(app => app.identity)]),
      isRoot: environment.uid === 0 && (cgiIdentity === null || cgiIdentity.uid === 0),
    },
    cgiQueueTimeout: plain.cgi.queueTimeout,
  })
  checkHttps(values, plain.https, { given, bind })
  if (plain.daemon !== 'off' && bind.some(({ kind }) => kind === 'fd'))
    values.report(
      processes.daemon,
      'must be off with an inherited socket (fd://): who has opened it starts the program',
    )
  const config = {
    ...plain,
    gatewayThreads: gateway.threads,
    gatewayThreadsReason: gateway.reason,
    bind,
    tls,
    sites,
    trustedProxies: readTrusted(values),
    proxyProtocolFrom: readSenders(values, bind),
    paramsFrom: [...new Set(values.all(listening.paramsFrom).flat())],
    forwardedHeaders: readForwardedHeaders(values),
    compression: asGiven,
    responseHeaders: values.all(responses.responseHeaders).flatMap(({ name, value }) => [name, value]),
    limits: readLimits(values, plain.limits, environment, {
      links,
      threads: gateway.threads,
      hasTls: bind.some(address => schemeOf(address, hasTls(tls)) === 'https'),
    }),
    errorPages: readErrorPages(values),
    graceful: values.one(workers.timeouts.graceful),
    accessLog: path === null ? null : { ...plain.accessLog, path },
    ...readRemoteLogs(values, plain),
    gatewayIdentity,
    cgi: { ...plain.cgi, processes: readCgiProcesses(values, environment), identity: cgiIdentity },
    temporaryDirectory: readTemporaryDirectory(values, environment),
    adminSocket: readAdminSocket(values, environment, file),
  }
  if (values.diagnostics.length > 0 || apps.length < given.apps.length) return null
  return deepFreeze({ ...config, apps })
}

/** Those that are right. Each has its own diagnostics; those of an inherited value are the same for all. */
function assembleApps(
  { apps, sites: { sites } }: GivenSettings,
  values: Values,
  environment: Environment,
  circumstances: AppCircumstances,
): AppConfig[] {
  const read = apps.map(app => {
    const own = new Values(app.settings, environment)
    return { given: app, values: own, ...assembleApp(app, own, environment, circumstances) }
  })
  // A default that every application overrides must be right, too.
  for (const setting of APPLICATION_SETTINGS) if (values.isGiven(setting)) values.taken(setting)
  // Where there are sites, they say whose a request is.
  const conflicts = refuseConflicts(read, sites.length === 0)
  values.diagnostics.push(...read.flatMap(app => app.values.diagnostics), ...conflicts)
  return read.flatMap(({ config }) => config ?? [])
}

/** From one thread of the gateway to the workers of all applications. */
export function linksOf(apps: readonly AppConfig[]): number {
  return apps.reduce(
    (sum, { pools, workers, threads }) =>
      sum + pools.reduce((all, pool) => all + (pool.workers ?? workers), 0) * threads,
    0,
  )
}

/** A proxy that sets one kind of header passes on the other kind as its client wrote it: no proxy sets both. */
function readForwardedHeaders(values: Values): readonly ForwardedHeader[] {
  const taken = values.taken(listening.forwardedHeaders)
  const names = [...new Set(taken.flatMap(({ value }) => value))]
  const standard = taken.find(({ value }) => value.includes('forwarded'))
  if (standard !== undefined && names.length > 1)
    values.refuse(
      listening.forwardedHeaders,
      'must be either Forwarded alone or X-Forwarded-… without it (a proxy that sets one kind passes on the other as its client sent it)',
      standard.given,
    )
  return names
}

/** The kernel lets two sockets have the same address until they listen. Port 0 is a different port each time. */
function readAddresses(values: Values): BindAddress[] {
  const seen: BindAddress[] = []
  const report = (problem: string, given: Given) =>
    values.report(listening.bind, `names ${problem}: each address may be given once`, given)
  for (const { value, given } of values.taken(listening.bind)) {
    const name = formatBind(value)
    const isFixed = value.kind !== 'tcp' || value.port !== 0
    const wide = seen.find(one => includesAddress(one, value))
    const narrow = seen.find(one => includesAddress(value, one))
    if (isFixed && seen.some(one => formatBind(one) === name)) report(`${name} twice`, given)
    else if (wide !== undefined) report(`${name}, and ${formatBind(wide)} includes it`, given)
    else if (narrow !== undefined) report(`${formatBind(narrow)}, and ${name} includes it`, given)
    seen.push(value)
  }
  return seen
}

/** A file that is wrong stops the start, and a reload leaves what is in force. */
function readTrusted(values: Values): string[] {
  const ranges = values.taken(listening.trustedProxies).flatMap(({ value, given }) => {
    if (!('file' in value)) return value
    const { file } = value
    const read = readRanges(file)
    if ('ranges' in read) return read.ranges
    for (const { line, problem } of read.problems)
      if (line === 0) values.report(listening.trustedProxies, `names ${file}, which ${problem}`, given)
      else values.tell({ from: 'file', file, directory: '', position: { line, column: 1 } }, problem)
    return []
  })
  const all = [...new Set(ranges)]
  if (all.length > MAX_RANGES) values.report(listening.trustedProxies, `names more than ${MAX_RANGES} ranges`)
  return all
}

/** Of headers of the PROXY protocol. */
function readSenders(values: Values, bind: readonly BindAddress[]): string[] {
  const senders = [...new Set(values.all(listening.proxyProtocolFrom).flat())]
  if (senders.length === 0 && bind.some(({ hasProxyHeader }) => hasProxyHeader))
    values.report(
      listening.bind,
      'has proxy-protocol, and nobody may send its header: name the balancers, as in proxy-protocol-from = ["10.0.0.5"]',
      values.taken(listening.bind).find(({ value }) => value.hasProxyHeader)!.given,
    )
  return senders
}

interface GatewayShape {
  /** Connections from each thread to workers. */
  readonly links: number
  readonly threads: number
  /** An address speaks TLS. */
  readonly hasTls: boolean
}

function readLimits(
  values: Values,
  plain: ProgramValues['limits'],
  { machine }: Environment,
  { links, threads, hasTls }: GatewayShape,
): Limits {
  const wanted = values.one(resources.limits.connections)
  const descriptors = join(machine.procRoot, 'self/limits')
  const possible = () => Math.min(connectionLimit(descriptors, links, threads), connectionsInMemory(machine, hasTls))
  const connections = wanted === 'auto' ? possible() : wanted
  const temporaryBytes = values.one(resources.limits.temporaryBytes)
  const memory = values.one(resources.limits.memory)
  const perAddress = values.one(resources.limits.connectionsPerAddress)
  return {
    ...plain,
    temporaryBytes: temporaryBytes === 'auto' ? null : temporaryBytes,
    memory: memory === 'auto' ? autoMemory(machine) : memory,
    openFiles: openFileLimit(descriptors, links, threads, connections),
    connections,
    connectionsPerAddress: perAddress === 'auto' ? Math.ceil(connections * ADDRESS_SHARE) : perAddress,
  }
}

function checkHealthPaths(values: Values, { live, ready }: ProgramValues['health']): void {
  if (live !== null && live === ready)
    values.report(listening.health.ready, 'must differ from health-path, which is answered while nothing can be served')
}

function readErrorPages(values: Values): ErrorPage[] {
  const seen = new Set<string>()
  return values.taken(errors.errorPages).flatMap(({ value, given }) => {
    const { status, format } = value
    if (seen.has(`${status} ${format}`))
      values.report(errors.errorPages, `gives ${status} two pages as ${format}: one is possible`, given)
    seen.add(`${status} ${format}`)
    const page = readErrorPage(value)
    if ('value' in page) return [page.value]
    values.refuse(errors.errorPages, page.problem, given)
    return []
  })
}

function readRemoteLogs(values: Values, plain: ProgramValues): Pick<Config, 'statsd' | 'syslog'> {
  const statsd = values.one(remoteLogs.statsd.address)
  const syslog = values.one(remoteLogs.syslog.address)
  const access = values.one(remoteLogs.syslog.requests) ? plain.accessLog : null
  return {
    statsd: statsd === null ? null : { ...plain.statsd, address: statsd },
    syslog: syslog === null ? null : { ...plain.syslog, address: syslog, access },
  }
}

/** CGI programs at once, for each core. */
const CGI_PER_CORE = 4

function readCgiProcesses(values: Values, { machine }: Environment): number {
  const wanted = values.one(cgi.cgi.processes)
  return wanted === 'auto' ? Math.ceil(CGI_PER_CORE * usableCores(machine).count) : wanted
}

/** Root is none of them. */
function uidsOf(identities: readonly (Identity | null)[]): number[] {
  return [...new Set(identities.flatMap(one => (one === null || one.uid === 0 ? [] : [one.uid])))]
}

function readTemporaryDirectory(values: Values, environment: Environment): string {
  const path = values.one(processes.temporaryDirectory)
  // A wrong TMPDIR is found when it is used, as in every program.
  if (path === null) return environment.temporaryDirectory
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    if (isDirectory(path)) return path
  } catch {}
  values.refuse(processes.temporaryDirectory, 'must name a directory that this user may write to')
  return path
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
