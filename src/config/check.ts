/** `--check`: what a start would find missing among the files that the settings name. Opens and makes nothing. */
import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import type { Diagnostic } from './diagnostics.ts'
import type { WorkingDirectory } from './environment.ts'
import { isFile, statOrNull } from './files.ts'
import type { Loaded } from './load.ts'
import { python } from './settings/application.ts'
import { bind } from './settings/listening.ts'
import { accessLog, logFile } from './settings/logging.ts'
import { pidFile } from './settings/process.ts'
import type { Setting } from './settings/setting.ts'
import { Values } from './values.ts'

/** In the order of what is read first. */
export function checkFiles({ config, settings }: Loaded, where: WorkingDirectory): readonly Diagnostic[] {
  const values = new Values(settings, where)
  const written: readonly (readonly [Setting, string | null | undefined])[] = [
    [accessLog, config.accessLog?.path],
    [logFile, config.logFile],
    [pidFile, config.pidFile],
  ]
  for (const [setting, path] of written) {
    const problem = path === null || path === undefined || path === '-' ? null : whyNotWritable(path)
    if (problem !== null) values.refuse(setting, problem)
  }
  for (const { value, given } of values.taken(bind)) {
    const directory = value.kind === 'unix' ? dirname(value.path) : null
    if (directory !== null && !isWritable(directory))
      values.refuse(bind, 'must have a directory that this user may write to', given)
  }
  if (config.python?.includes('/') && statOrNull(config.python) === null)
    values.refuse(python, 'must name a Python interpreter or a virtual environment that exists')
  return values.diagnostics
}

function whyNotWritable(path: string): string | null {
  if (isFile(path)) return isWritable(path) ? null : 'must name a file that this user may write to'
  if (statOrNull(path) !== null) return 'must name a file'
  const directory = dirname(path)
  if (!(statOrNull(directory)?.isDirectory() ?? false)) return 'must name a file in a directory that exists'
  return isWritable(directory) ? null : 'must name a file in a directory that this user may write to'
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
