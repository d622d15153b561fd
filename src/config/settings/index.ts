/** All settings and actions, in the order of help: what is needed first and most comes first. */
import * as application from './application.ts'
import * as development from './development.ts'
import { errorPage } from './errors.ts'
import { check, help, noApp, printConfig, printSchema, usage, version } from './information.ts'
import * as limits from './limits.ts'
import * as listening from './listening.ts'
import * as logging from './logging.ts'
import * as process from './process.ts'
import type { Action, Setting } from './setting.ts'
import { staticFiles } from './static.ts'
import * as workers from './workers.ts'

export const SETTINGS: readonly Setting[] = [
  application.app,
  application.config,
  application.chdir,
  application.python,
  application.preload,
  application.lifespan,
  application.postFork,
  application.warmup,
  application.rootPath,
  application.env,
  application.envFile,
  listening.bind,
  listening.unixMode,
  listening.trustedProxies,
  listening.forwardedHeaders,
  listening.healthPath,
  listening.readyPath,
  workers.workers,
  workers.threads,
  workers.concurrency,
  workers.timeout,
  workers.timeoutFor,
  workers.streamIdleTimeout,
  workers.gracefulTimeout,
  workers.shutdownDelay,
  workers.startTimeout,
  workers.retry,
  workers.maxRequests,
  workers.maxRequestsJitter,
  workers.maxAge,
  workers.maxMemory,
  staticFiles,
  errorPage,
  logging.accessLog,
  logging.accessLogFormat,
  logging.accessLogMinStatus,
  logging.accessLogSlow,
  logging.logFile,
  logging.logLevel,
  logging.logFormat,
  development.reload,
  development.reloadDir,
  limits.keepAlive,
  limits.headerTimeout,
  limits.bodyTimeout,
  limits.sendTimeout,
  limits.minBodyRate,
  limits.minSendRate,
  limits.queueLimit,
  limits.queueTimeout,
  limits.queueOrder,
  limits.requestBuffering,
  limits.limitRequestLine,
  limits.limitRequestFields,
  limits.limitRequestHeaderSize,
  limits.limitRequestBody,
  limits.limitTempBytes,
  limits.limitMemory,
  limits.limitConnections,
  limits.limitConnectionsPerAddress,
  limits.wsMaxSize,
  limits.wsPingInterval,
  limits.wsPingTimeout,
  process.user,
  process.group,
  process.umask,
  process.pidFile,
  process.tempDir,
]

export const ACTIONS: readonly Action[] = [usage, help, version, check, noApp, printConfig, printSchema]
