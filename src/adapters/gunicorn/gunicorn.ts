/**
 * `jumak gunicorn`: gunicorn's command line, `GUNICORN_CMD_ARGS` and configuration file, as arguments of ours. The first wins: command line,
 * `GUNICORN_CMD_ARGS`, `[server:NAME]` of a file of PasteDeploy, file; what is given nowhere has its variable (`PORT`, `WEB_CONCURRENCY`, `FORWARDED_ALLOW_IPS`) or gunicorn's
 * default. A list comes as a whole from the first that has it. Runs in the command line, and in the master when it reloads.
 *
 * Not here: what evaluates the file. `adapt` is called without it first, says which one it wants, and is called again.
 */
import { version } from '../../base/version.ts'
import { fromWorkingDirectory, logicalWorkingDirectory } from '../../config/machine/directory.ts'
import type { Environment } from '../../config/machine/environment.ts'
import type { Action } from '../../config/settings/setting.ts'
import type { PythonConfiguration } from '../../config/types.ts'
import { type Adapted, type Adapter, argumentsOf, mergeGiven, type WantedFile } from '../adapted.ts'
import { formatHelp } from '../help.ts'
import { type GivenOptions, translate } from '../option.ts'
import { shellWords } from '../shell-words.ts'
import { Translation } from '../translation.ts'
import { ARGPARSE, type ReadWords, readWords } from '../words.ts'
import { BETTER, defaults } from './defaults.ts'
import { findFile, readFile } from './file.ts'
import { CALLED_HOOKS } from './hooks.ts'
import { namePaste, pasteFile } from './paste.ts'
import { readServer, type ServerSection } from './paste-server.ts'
import { COMMAND_LINE, OPTIONS } from './table.ts'

const VARIABLE = 'GUNICORN_CMD_ARGS'

/** gunicorn's: 2 for words that it cannot read, 1 for all other mistakes; 3 where the application cannot be loaded, but 1 at a check. */
const [USAGE, FAILED, NO_APPLICATION] = [2, 1, 3]

export const gunicorn: Adapter = {
  name: 'gunicorn',
  adapt(words, environment, evaluated): Adapted {
    const read = readWords(words, OPTIONS, ARGPARSE)
    const fromVariable = readVariable(environment)
    const isGiven = (name: string) => read.given.get(name)?.value === true
    const exits = { settings: FAILED, application: NO_APPLICATION }
    const answer = isGiven('help') ? help() : isGiven('version') ? `jumak ${version} (as gunicorn)\n` : null
    const directory = logicalWorkingDirectory(environment)
    const ofWords = mergeGiven(read.given, fromVariable.given)
    const server = serverOf(ofWords, directory)
    const config = ofWords.get('config') ?? server.given.get('config')
    const found = findFile(config?.value as string | undefined, directory)
    const file = found === null || 'problem' in found ? null : found
    const ofFile = evaluated === null ? null : readFile(evaluated)
    const given = mergeGiven(ofWords, server.given, ofFile?.given ?? new Map())

    const translation = new Translation(given, startDirectory(given, environment), environment.variables)
    const usage = [...read.problems, ...fromVariable.problems]
    translation.problems.push(...usage, ...server.problems, ...(ofFile?.problems ?? []))
    translation.remarks.push(BETTER)
    translation.notes.push(...server.notes, ...(ofFile?.notes ?? []))
    if (found !== null && 'problem' in found) {
      translation.begin(config!)
      translation.reject(found.problem)
    }
    nameApplication(read, given, directory, translation)
    translate(given, translation)
    defaults(translation)

    const isSet = (name: string) => given.get(name)?.value === true
    const actions = new Set<Action['name']>()
    if (isSet('check_config')) actions.add('check')
    if (isSet('print_config')) actions.add('print-config')
    return {
      args: argumentsOf(
        'gunicorn',
        translation,
        actions,
        isSet('lenient'),
        configurationOf(given, file, evaluated !== null),
      ),
      answer,
      file: evaluated === null && usage.length === 0 ? file : null,
      exits: {
        settings: usage.length > 0 ? USAGE : exits.settings,
        application: actions.size > 0 ? FAILED : exits.application,
      },
    }
  },
}

function serverOf(given: GivenOptions, directory: string): ServerSection {
  const file = pasteFile(given, directory)
  const named = given.get('paste_server')
  if (file === null) return { given: new Map(), problems: [], notes: [] }
  return readServer(file, (named?.value as string | undefined) ?? null, named?.place ?? '--paste-server')
}

function readVariable(environment: Environment): Pick<ReadWords, 'given' | 'problems'> {
  const split = shellWords(environment.variables[VARIABLE] ?? '')
  if ('words' in split) return readWords(split.words, OPTIONS, ARGPARSE, VARIABLE)
  return { given: new Map(), problems: [{ subject: VARIABLE, message: `${VARIABLE} ${split.problem}` }] }
}

/** Our processes need it in any case: applications ask for gunicorn's loggers. */
function configurationOf(given: GivenOptions, file: WantedFile | null, isEvaluated: boolean): PythonConfiguration {
  const evaluated = isEvaluated ? file : null
  return {
    path: evaluated?.path ?? null,
    module: evaluated?.module ?? null,
    display: evaluated?.display ?? 'gunicorn',
    hooks: [...given.keys()].filter(name => CALLED_HOOKS.has(name)),
    settings: Object.fromEntries([...given].map(([name, { value }]) => [name, value])),
  }
}

/** Where relative paths begin: gunicorn changes its directory before it uses any but that of its file. */
function startDirectory(given: GivenOptions, environment: Environment): string {
  const chdir = given.get('chdir')?.value as string | undefined
  return chdir === undefined ? logicalWorkingDirectory(environment) : fromWorkingDirectory(chdir, environment)
}

/** The command line names the application, or else `wsgi_app` of the file; `--paste` wins over both. gunicorn searches for none. */
function nameApplication(
  { positionals }: ReadWords,
  given: GivenOptions,
  directory: string,
  translation: Translation,
): void {
  if (given.has('paste')) {
    for (const word of positionals) translation.notes.push(`the word '${word}' does nothing beside --paste`)
    namePaste(given, directory, translation)
    return
  }
  const [app, ...others] = positionals
  const ofFile = given.get('wsgi_app')
  if (app !== undefined) translation.named('APP', app)
  else if (ofFile !== undefined) translation.named(ofFile.place, ofFile.value as string)
  else
    translation.problems.push({
      subject: 'APP',
      message: 'APP must name the application, as in jumak gunicorn shop.wsgi; jumak alone finds it',
    })
  for (const other of others) translation.notes.push(`the word '${other}' behind APP does nothing, as in gunicorn`)
}

function help(): string {
  return formatHelp(
    'jumak gunicorn [OPTION ...] [APP]',
    "gunicorn's command line, served by Jumak. APP is MODULE, MODULE:NAME or MODULE:FACTORY(). Defaults are in brackets.",
    COMMAND_LINE,
  )
}
