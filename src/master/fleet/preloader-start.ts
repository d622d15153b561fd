/** The first message to a preloader: the settings that Python needs. */
import { version } from '../../base/version.ts'
import type { Config } from '../../config/types.ts'
import type { MasterToPreloader } from '../../control/messages.ts'
import { areApart } from '../host/identity.ts'
import { hasTerminal } from '../host/terminal.ts'

export type PreloaderStart = Extract<MasterToPreloader, { readonly type: 'start' }>

/** The fields that are no settings. */
type OtherFields = Pick<
  PreloaderStart,
  'generation' | 'runtimeDirectory' | 'settingsFrom' | 'multiprocess' | 'preload' | 'locateHazards' | 'isCheck'
>

export function preloaderStart(config: Config, other: OtherFields): PreloaderStart {
  const { module, file, attributes, factory, display } = config.app
  return {
    type: 'start',
    build: version,
    masterPid: process.pid,
    directory: config.directory,
    module,
    file,
    attributes,
    factory,
    display,
    threads: config.threads,
    concurrency: config.concurrency,
    lifespan: config.lifespan,
    rootPath: config.rootPath,
    findStatic: config.findStatic,
    identity: config.identity,
    isApart: areApart(config),
    postFork: config.postFork,
    isDevelopment: config.isDevelopment,
    terminal: hasTerminal(config),
    ...other,
  }
}
