/** `--check`: files that the settings name and a start would not find. Opens and makes no file. */
import { accessSync, constants } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseEnvFile } from '../base/env-file.ts'
import { standardStream } from '../base/standard-streams.ts'
import type { GivenSettings } from './applications.ts'
import { type Diagnostic, distinct } from './diagnostics.ts'
import type { Environment } from './machine/environment.ts'
import { readText, statOrNull } from './machine/files.ts'
import { application } from './settings/application.ts'
import { listening } from './settings/listening.ts'
import { logging } from './settings/logging.ts'
import { processes } from './settings/processes.ts'
import { type Settings, Values } from './values.ts'

/** In the order in which a start uses them. Skips values that are wrong by themselves: they have their diagnostic. */
export function checkFiles({ program, apps }: GivenSettings, environment: Environment): readonly Diagnostic[] {
  return distinct([...checkProgram(program, environment), ...apps.flatMap(app => checkApp(app.settings, environment))])
}

function checkProgram(settings: Settings, environment: Environment): readonly Diagnostic[] {
  const values = new Values(settings, environment)
  const found = new Values(settings, environment)
  for (const setting of [logging.accessLog.path, logging.logFile, processes.pidFile])
    for (const { value, given } of values.taken(setting)) {
      const isStream = value === null || value === '-' || standardStream(value) !== null
      const problem = isStream ? null : whyNotWritable(value)
      if (problem !== null) found.refuse(setting, problem, given)
    }
  for (const { value, given } of values.taken(listening.bind)) {
    const directory = value.kind === 'unix' ? dirname(value.path) : null
    if (directory !== null && !isWritable(directory))
      found.refuse(listening.bind, 'must have a directory that this user may write to', given)
  }
  return found.diagnostics
}

function checkApp(settings: Settings, environment: Environment): readonly Diagnostic[] {
  const values = new Values(settings, environment)
  const found = new Values(settings, environment)
  for (const { value, given } of values.taken(application.envFiles)) {
    const parsed = parseEnvFile((value === null ? null : readText(value)) ?? '')
    for (const { line, message } of 'errors' in parsed ? parsed.errors : [])
      found.report(application.envFiles, `names ${value}, and in its line ${line} ${message}`, given)
  }
  for (const { value, given } of values.taken(application.python))
    if (value !== null && !isThere(value, environment))
      found.refuse(application.python, 'must name a Python interpreter or a virtual environment that exists', given)
  return found.diagnostics
}

/** A path, a name on PATH, or the name of a directory here. */
function isThere(pythonName: string, { cwd, variables }: Environment): boolean {
  if (pythonName.includes('/')) return statOrNull(pythonName) !== null
  const folders = (variables['PATH'] ?? '').split(':').filter(folder => folder !== '')
  return [...folders, cwd].some(folder => statOrNull(join(folder, pythonName)) !== null)
}

function whyNotWritable(path: string): string | null {
  const stats = statOrNull(path)
  if (stats?.isDirectory()) return 'must name a file'
  if (stats !== null) return isWritable(path) ? null : 'must name a file that this user may write to'
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
