/**
 * Warnings about settings that are right one by one, and useless or surprising together. A warning stops nothing. Contradictions
 * are errors: `assemble.ts` finds them. Runs in the command line, and in the master when it reloads.
 */
import { join } from 'node:path'
import type { GivenSettings } from './applications.ts'
import { linksOf } from './assemble.ts'
import { connectionLimit } from './defaults.ts'
import { formatBind, isFront, schemeOf } from './kinds/bind.ts'
import { doubtsOfLimits } from './limit-doubts.ts'
import type { Environment } from './machine/environment.ts'
import { account } from './settings/account.ts'
import { application } from './settings/application.ts'
import { clients } from './settings/clients.ts'
import { listening } from './settings/listening.ts'
import { logging } from './settings/logging.ts'
import { processes } from './settings/processes.ts'
import { queue } from './settings/queue.ts'
import { remoteLogs } from './settings/remote-logs.ts'
import { resources } from './settings/resources.ts'
import { tls } from './settings/tls.ts'
import { watching } from './settings/watching.ts'
import { websockets } from './settings/websockets.ts'
import { workers } from './settings/workers.ts'
import { doubtsOfSites } from './site-doubts.ts'
import type { AppConfig, Config } from './types.ts'
import { Values } from './values.ts'

/** `config` has no error. What several applications inherit is told once. */
export function warningsOf(given: GivenSettings, config: Config, environment: Environment): string[] {
  const values = new Values(given.program, environment)
  warnOfProgram(values, config)
  warnOfTls(values, config)
  const ofApps = config.apps.map((app, i) => {
    const own = new Values(given.apps[i]!.settings, environment)
    warnOfApplication(own, app, config, environment)
    return own
  })
  warnOfSurprises(values, config, environment)
  if (config.apps.length > 1) warnOfRootPaths(ofApps, config.apps)
  const ofSites = doubtsOfSites(
    config.sites,
    given.apps.map(({ origin }, i) => ({
      name: config.apps[i]!.name,
      place: origin === null ? null : { file: origin.file, ...origin.position },
    })),
  )
  const ofLimits = doubtsOfLimits(
    config.sites,
    config.bind.some(address => schemeOf(address, config.tls !== null) === 'https'),
  )
  if (config.sites.upstreams.length > 0) warnOfUpstreams(values, config)
  return [...new Set([...ofApps.flatMap(own => own.warnings), ...values.warnings, ...ofSites, ...ofLimits])]
}

function warnOfProgram(values: Values, config: Config): void {
  const { accessLog, bind, logFile, statsd, syslog, timeouts, trustedProxies: trusted } = config
  const { format, minStatus, slowerThan } = logging.accessLog
  values.warnUseless(
    !bind.some(address => address.kind === 'unix'),
    listening.unixMode,
    'without a Unix socket to listen on',
  )
  values.warnUseless(trusted.length === 0, listening.forwardedHeaders, 'while trusted-proxies is none')
  values.warnUseless(
    !bind.some(({ hasProxyHeader }) => hasProxyHeader),
    listening.proxyProtocolFrom,
    'without an address with proxy-protocol, as in bind = ":443 proxy-protocol"',
  )
  values.warnUseless(
    !bind.some(({ scheme }) => isFront(scheme)),
    listening.paramsFrom,
    'without an address of uwsgi, FastCGI or SCGI, as in bind = "uwsgi://127.0.0.1:3031"',
  )
  const threads = values.taken(processes.gatewayThreads).some(({ value }) => value !== 'auto' && value > 1)
  if (config.isDevelopment && threads)
    values.warn(processes.gatewayThreads, 'does nothing with --reload: there the gateway has one thread')
  values.warnUseless(timeouts.body === 0, clients.limits.bodyRate, 'without body-timeout')
  values.warnUseless(timeouts.send === 0, clients.limits.sendRate, 'without send-timeout')
  values.warnUseless(timeouts.websocketPing === 0, websockets.timeouts.websocketPong, 'without ws-ping-interval')
  if (config.daemon === 'on' && logFile === null && syslog === null)
    values.warn(processes.daemon, 'writes its log nowhere: name a log-file')
  const hasAccessLog = accessLog !== null || syslog?.access
  for (const setting of [format, minStatus, slowerThan])
    values.warnUseless(!hasAccessLog, setting, 'while access-log is off')
  const { prefix, tags, backlog } = remoteLogs.statsd
  for (const setting of [prefix, tags, backlog]) values.warnUseless(statsd === null, setting, 'without statsd-host')
  const { name, facility, requests } = remoteLogs.syslog
  for (const setting of [name, facility, requests]) values.warnUseless(syslog === null, setting, 'without syslog')
  if (values.givens(listening.proxyProtocolFrom).some(({ text }) => text === '*'))
    values.warn(
      listening.proxyProtocolFrom,
      '* believes everyone who can connect: clients can invent their address in a header of the PROXY protocol',
    )
  if (values.givens(listening.paramsFrom).some(({ text }) => text === '*'))
    values.warn(
      listening.paramsFrom,
      '* believes everyone who can connect: clients can invent their address, user and certificate',
    )
  if (trusted.includes('0.0.0.0/0') && values.givens(listening.trustedProxies).some(({ text }) => text === '*'))
    values.warn(
      listening.trustedProxies,
      '* believes everyone who can connect: clients can invent their address and scheme',
    )
}

/** Open files for upstreams: with fewer a burst of requests waits for them while clients could still connect. */
const FEW_FILES = 256

function warnOfUpstreams(values: Values, { limits: { openFiles, connections } }: Config): void {
  if (openFiles >= Math.min(FEW_FILES, connections)) return
  values.warnings.push(
    `${openFiles} connections to upstreams may be open at once, temporary files included, and ${connections} of clients: requests beyond wait, then get 503; raise the limit on open files (ulimit -Hn)`,
  )
}

function warnOfTls(values: Values, { tls: { entries, isSelfSigned }, ...config }: Config): void {
  const isTls = entries.length > 0 || isSelfSigned
  for (const setting of [tls.minVersion, tls.ciphers])
    values.warnUseless(!isTls, setting, `without TLS: give ${tls.certificates.name} and ${tls.keys.name}`)
  const isSpoken = config.bind.some(address => schemeOf(address, isTls) === 'https')
  for (const setting of [tls.certificates, tls.selfSigned])
    values.warnUseless(isTls && !isSpoken, setting, 'while every address is http://')
  if (isSelfSigned && !config.isDevelopment)
    values.warn(
      tls.selfSigned,
      `self-signed is for development: nobody but this machine believes the certificate; give ${tls.certificates.name} and ${tls.keys.name}`,
    )
  if (isSelfSigned && config.https.hsts !== null)
    values.warn(
      tls.https.hsts,
      'stays in browsers when --tls self-signed is gone: they refuse http://localhost until its time is over',
    )
}

function warnOfApplication(
  values: Values,
  { preload, recycle, timeouts }: AppConfig,
  config: Config,
  { platform }: Environment,
): void {
  values.warnUseless(
    recycle.maxRequests === 0 && recycle.maxRequestsJitter > 0,
    workers.recycle.maxRequestsJitter,
    'without max-requests',
  )
  // In a file it may wait for a start with --reload.
  const isFlag = values.givens(watching.watch).some(({ origin }) => origin.from === 'flag')
  values.warnUseless(!config.isDevelopment && isFlag, watching.watch, 'without --reload')
  const isWarmupFlag = values.givens(application.warmup).some(({ origin }) => origin.from === 'flag')
  values.warnUseless(config.isDevelopment && isWarmupFlag, application.warmup, 'with --reload')
  if (preload === 'on' && platform === 'darwin')
    values.warn(application.preload, 'on is not safe on macOS: its system libraries may crash in a forked process')
  if (timeouts.queue > timeouts.graceful && timeouts.graceful > 0 && values.isGiven(queue.timeouts.queue))
    values.warn(
      queue.timeouts.queue,
      `is longer than ${workers.timeouts.graceful.name}: requests that wait that long are cut when the program stops or reloads`,
    )
}

/** A request below the root path is taken for one that the proxy has not stripped. */
function warnOfRootPaths(values: readonly Values[], apps: readonly AppConfig[]): void {
  for (const [i, { rootPath }] of apps.entries()) {
    const hidden = apps.find(one => one.path !== '' && `${one.path}/`.startsWith(`${rootPath}/`))
    if (rootPath !== '' && hidden !== undefined)
      values[i]!.warn(
        application.rootPath,
        `${rootPath} is also the beginning of ${hidden.path}, the path of ${hidden.name}: a request for it counts as one for ${hidden.path.slice(rootPath.length) || '/'}`,
      )
  }
}

function warnOfSurprises(values: Values, config: Config, { machine, variables }: Environment): void {
  const limits = join(machine.procRoot, 'self/limits')
  const possible = connectionLimit(limits, linksOf(config.apps), config.gatewayThreads)
  if (config.limits.connections > possible && values.isGiven(resources.limits.connections))
    values.warn(resources.limits.connections, `is more than the limit on open files allows, which is ${possible}`)
  if (config.umask !== null && (config.umask & 0o700) !== 0)
    values.warn(processes.umask, 'takes permissions from the owner: the program may not be able to read its own files')
  if (config.apps.some(({ identity }) => identity?.uid === 0) && !values.isGiven(account.user))
    values.warn(account.group, 'alone leaves the application running as root: name a user with --user')
  const port = variables['PORT']
  const isUsed = config.bind.some(address => address.kind === 'tcp' && String(address.port) === port)
  if (port && /^\d+$/.test(port) && !isUsed && config.bind.every(address => address.kind === 'tcp'))
    values.warnings.push(`PORT is ${port} and not used: ${config.bind.map(formatBind).join(', ')} was given`)
}
