/** The first message to a preloader: the settings that Python needs. */
import { version } from '../../base/version.ts'
import type { AppConfig, Config } from '../../config/types.ts'
import type { MasterToPreloader } from '../../control/messages.ts'
import { areApart } from '../host/identity.ts'
import { hasTerminal } from '../host/terminal.ts'

export type PreloaderStart = Extract<MasterToPreloader, { readonly type: 'start' }>

/** The fields that are no settings. */
type OtherFields = Pick<
  PreloaderStart,
  'generation' | 'runtimeDirectory' | 'settingsFrom' | 'multiprocess' | 'preload' | 'locateHazards' | 'isCheck'
>

export function preloaderStart(config: Config, app: AppConfig, other: OtherFields): PreloaderStart {
  const { module, file, attributes, factory, paste, display } = app.target
  return {
    type: 'start',
    build: version,
    masterPid: process.pid,
    directory: app.directory,
    module,
    file,
    attributes,
    factory,
    paste,
    display,
    importPath: app.importPath,
    interface: app.interface,
    loop: app.loop,
    logConfig: app.logConfig,
    loggers: app.loggers,
    threads: app.threads,
    concurrency: app.concurrency,
    workerClass: app.workerClass,
    links: config.gatewayThreads,
    lifespan: app.lifespan,
    rootPath: app.rootPath + app.path,
    findStatic: app.findStatic,
    identity: app.identity,
    isApart: areApart({ identity: app.identity, gatewayIdentity: config.gatewayIdentity }),
    postFork: app.postFork,
    isDevelopment: config.isDevelopment,
    terminal: hasTerminal(config),
    configuration: configurationOf(config, app, other.generation),
    ...other,
  }
}

/** The first generation of a program begins it; those after it are reloads. */
function configurationOf(
  { umask }: Config,
  { configuration, variables }: AppConfig,
  generation: number,
): PreloaderStart['configuration'] {
  return configuration === null ? null : { ...configuration, variables, umask, isReload: generation > 1 }
}
