/**
 * `jumak gunicorn`: gunicorn's command line, `GUNICORN_CMD_ARGS` and configuration file, as arguments of ours. The first wins: command line,
 * `GUNICORN_CMD_ARGS`, file; what is given nowhere has gunicorn's default. Runs in the command line, and in the master when it reloads. It
 * looks whether there is a file, and opens nothing.
 */
import { isAbsolute, join } from 'node:path'
import { logicalWorkingDirectory } from '../../config/machine/directory.ts'
import type { Environment } from '../../config/machine/environment.ts'
import { isFile } from '../../config/machine/files.ts'
import type { Action } from '../../config/settings/setting.ts'
import type { PythonConfiguration } from '../../config/types.ts'
import { type Adapted, type Adapter, argumentsOf, type EvaluatedFile, mergeGiven, type WantedFile } from '../adapted.ts'
import { readValues } from '../evaluated-values.ts'
import { type GivenOptions, translate } from '../option.ts'
import { Translation } from '../translation.ts'
import { ARGPARSE, readWords } from '../words.ts'
import { defaults } from './defaults.ts'
import { CALLED_HOOKS } from './hooks.ts'
import { OPTIONS } from './table.ts'

const FILE = 'gunicorn.conf.py'

export const gunicorn: Adapter = {
  name: 'gunicorn',
  adapt(words, environment, file): Adapted {
    const read = readWords(words, OPTIONS, ARGPARSE)
    const wanted = file === null && read.problems.length === 0 ? wantedFile(read.given, environment) : null
    const values = file === null ? null : readValues(file, OPTIONS)
    const given = mergeGiven(read.given, values?.given ?? new Map())
    const translation = new Translation(given, logicalWorkingDirectory(environment), environment.variables)
    translation.problems.push(...read.problems, ...(values?.problems ?? []))
    translation.notes.push(...(values?.notes ?? []))
    const app = read.positionals[0]
    if (app !== undefined) translation.named('APP', app)
    translate(given, translation)
    defaults(translation)
    const actions = new Set<Action['name']>()
    const configuration = configurationOf(given, wantedFile(read.given, environment), file)
    return {
      args: argumentsOf('gunicorn', translation, actions, false, configuration),
      answer: null,
      file: wanted,
    }
  },
}

/** `-c FILE`, `-c file:FILE`, `-c python:module`; else the file of the usual name, if there is one. */
function wantedFile(given: GivenOptions, environment: Environment): WantedFile | null {
  const directory = logicalWorkingDirectory(environment)
  const named = given.get('config')?.value as string | undefined
  if (named === undefined) {
    const usual = join(directory, FILE)
    return isFile(usual) ? { path: usual, module: null, display: FILE, directory } : null
  }
  if (named.startsWith('python:'))
    return { path: null, module: named.slice('python:'.length), display: named, directory }
  const written = named.replace(/^file:/, '')
  return { path: isAbsolute(written) ? written : join(directory, written), module: null, display: written, directory }
}

/** Our processes need it in any case: applications ask for gunicorn's loggers. */
function configurationOf(
  given: GivenOptions,
  wanted: WantedFile | null,
  file: EvaluatedFile | null,
): PythonConfiguration {
  const isEvaluated = wanted !== null && file !== null
  return {
    path: isEvaluated ? wanted.path : null,
    module: isEvaluated ? wanted.module : null,
    display: isEvaluated ? wanted.display : 'gunicorn',
    hooks: [...given.keys()].filter(name => CALLED_HOOKS.has(name)),
    settings: Object.fromEntries([...given].map(([name, { value }]) => [name, value])),
  }
}
