/**
 * `jumak gunicorn`: gunicorn's command line, `GUNICORN_CMD_ARGS` and configuration file, as arguments of ours. The first wins: command line,
 * `GUNICORN_CMD_ARGS`, file; what is given nowhere has gunicorn's default. Runs in the command line, and in the master when it reloads. Pure.
 */
import { logicalWorkingDirectory } from '../../config/machine/directory.ts'
import type { Environment } from '../../config/machine/environment.ts'
import type { Action } from '../../config/settings/setting.ts'
import { type Adapted, type Adapter, argumentsOf, mergeGiven, OUR_EXITS } from '../adapted.ts'
import { translate } from '../option.ts'
import { Translation } from '../translation.ts'
import { ARGPARSE, readWords } from '../words.ts'
import { defaults } from './defaults.ts'
import { OPTIONS } from './table.ts'

export const gunicorn: Adapter = {
  name: 'gunicorn',
  adapt(words, environment): Adapted {
    const read = readWords(words, OPTIONS, ARGPARSE)
    const given = mergeGiven(read.given)
    const translation = new Translation(given, directoryOf(environment), environment.variables)
    translation.problems.push(...read.problems)
    const app = read.positionals[0]
    if (app !== undefined) translation.named('APP', app)
    translate(given, translation)
    defaults(translation)
    const actions = new Set<Action['name']>()
    return { args: argumentsOf('gunicorn', translation, actions, false), answer: null, file: null, exits: OUR_EXITS }
  },
}

function directoryOf(environment: Environment): string {
  return logicalWorkingDirectory(environment)
}
