/**
 * `jumak fastapi run` and `jumak fastapi dev`: the words of FastAPI's own command, which starts uvicorn. Its options are given to the table
 * of uvicorn. Runs in the command line, and in the master when it reloads.
 */
import { version } from '../../base/version.ts'
import { logicalWorkingDirectory } from '../../config/machine/directory.ts'
import type { Variables } from '../../config/sources/variables.ts'
import { type Adapted, type Adapter, argumentsOf, OUR_EXITS } from '../adapted.ts'
import { formatHelp } from '../help.ts'
import { type GivenOption, translate } from '../option.ts'
import { Translation } from '../translation.ts'
import { defaults } from '../uvicorn/defaults.ts'
import { SETTINGS as OF_UVICORN } from '../uvicorn/table.ts'
import { CLICK, readWords } from '../words.ts'
import { findEntry } from './entry.ts'
import { type Command, sections } from './table.ts'

const USAGE = `Usage: jumak fastapi run|dev [OPTION ...] [PATH]

  run  serve on all addresses (0.0.0.0), without reload
  dev  serve on 127.0.0.1, and load the code again when it changes

jumak fastapi run --help shows all options.
`

export const fastapi: Adapter = {
  name: 'fastapi',
  adapt([command, ...words], environment): Adapted {
    const directory = logicalWorkingDirectory(environment)
    const { variables } = environment
    if (command === 'run' || command === 'dev') return adaptCommand(command, words, directory, variables)
    const to = new Translation(new Map(), directory, variables)
    const isQuestion = command === undefined || command === '--help' || command === '-h'
    if (!isQuestion && command !== '--version') to.problems.push({ subject: command, message: noCommand(command) })
    const answer = isQuestion ? USAGE : command === '--version' ? `jumak ${version} (as fastapi)\n` : null
    return { args: argumentsOf('fastapi', to, new Set(), false, null), answer, file: null, exits: OUR_EXITS }
  },
}

function noCommand(command: string): string {
  return `fastapi ${command} is nothing that Jumak does: it has fastapi run and fastapi dev`
}

function adaptCommand(command: Command, words: readonly string[], directory: string, variables: Variables): Adapted {
  const table = sections(command)
  const options = table.flatMap(section => section.options)
  const { given, positionals, problems } = readWords(words, options, CLICK)
  addStandards(command, given, variables)
  const to = new Translation(given, directory, variables)
  to.problems.push(...problems)
  const [path = null, other] = positionals
  if (other !== undefined)
    to.problems.push({ subject: 'PATH', message: `PATH must be one word: '${other}' stands behind ${path}` })
  const entry = findEntry(
    { path, app: to.valueOf<string>('app') ?? null, entrypoint: to.valueOf<string>('entrypoint') ?? null },
    directory,
  )
  // A wrong flag may have taken the word, or left its own.
  if (to.problems.length === 0) {
    if ('app' in entry) to.named(entry.place, entry.app)
    else to.problems.push({ subject: entry.place, message: `${entry.place} ${entry.problem}` })
  }
  translate(given, to)
  defaults(to)
  to.begin({ place: 'fastapi dev', value: null })
  if (command === 'dev' && variables['FASTAPI_ENV'] === undefined) to.add('env', 'FASTAPI_ENV=development')
  if (to.valueOf<boolean>('verbose') === true) to.set('log-level', 'debug')
  return {
    args: argumentsOf(`fastapi ${command}`, to, new Set(), to.valueOf<boolean>('lenient') === true, null),
    answer: to.valueOf<boolean>('help') === true ? help(command, table) : null,
    file: null,
    exits: OUR_EXITS,
  }
}

/** What differs from uvicorn, as if it were given. */
function addStandards(command: Command, given: Map<string, GivenOption>, variables: Variables): void {
  const place = `fastapi ${command}`
  const standard = (name: string, value: unknown, from = place) => {
    const option = OF_UVICORN.find(one => one.name === name)
    if (option !== undefined && !given.has(name)) given.set(name, { option, value, place: from })
  }
  standard('host', command === 'run' ? '0.0.0.0' : '127.0.0.1')
  const port = variables['PORT']
  if (port && /^\d+$/.test(port)) standard('port', Number(port), 'PORT')
  if (command === 'dev') standard('reload', true)
}

function help(command: Command, table: ReturnType<typeof sections>): string {
  return formatHelp(
    `jumak fastapi ${command} [OPTION ...] [PATH]`,
    `FastAPI's own command, served by Jumak. PATH is a file or a package; without it: entrypoint in [tool.fastapi] of pyproject.toml, or main.py, app.py, api.py, here or in app/.`,
    table,
  )
}
