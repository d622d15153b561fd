/**
 * `jumak uvicorn`: uvicorn's command line and its variables `UVICORN_…`, as arguments of ours. The command line wins; what is given nowhere
 * has uvicorn's default. Runs in the command line, and in the master when it reloads.
 */
import { version } from '../../base/version.ts'
import { logicalWorkingDirectory } from '../../config/machine/directory.ts'
import { type Adapted, type Adapter, argumentsOf, mergeGiven, OUR_EXITS } from '../adapted.ts'
import { formatHelp } from '../help.ts'
import { translate } from '../option.ts'
import { Translation } from '../translation.ts'
import { CLICK, readWords } from '../words.ts'
import { BETTER, defaults } from './defaults.ts'
import { COMMAND_LINE, OPTIONS, SETTINGS } from './table.ts'
import { readVariables } from './variables.ts'

export const uvicorn: Adapter = {
  name: 'uvicorn',
  adapt(words, environment): Adapted {
    const read = readWords(words, OPTIONS, CLICK)
    const fromVariables = readVariables(environment.variables, SETTINGS)
    const given = mergeGiven(read.given, fromVariables.given)
    const translation = new Translation(given, logicalWorkingDirectory(environment), environment.variables)
    translation.problems.push(...read.problems, ...fromVariables.problems)
    translation.notes.push(...fromVariables.notes)
    translation.remarks.push(BETTER)
    nameApplication(read.positionals, fromVariables.app, translation)
    translate(given, translation)
    defaults(translation)
    const isSet = (name: string) => given.get(name)?.value === true
    return {
      args: argumentsOf('uvicorn', translation, new Set(), isSet('lenient'), null),
      answer: isSet('help') ? help() : isSet('version') ? `jumak ${version} (as uvicorn)\n` : null,
      file: null,
      exits: OUR_EXITS,
    }
  },
}

/** uvicorn searches for none. */
function nameApplication([app, other]: readonly string[], variable: string | null, to: Translation): void {
  const name = app ?? variable
  const report = (message: string) => to.problems.push({ subject: 'APP', message: `APP ${message}` })
  // A wrong flag may have taken the word, or left its own.
  if (to.problems.length > 0) return
  if (name === null) report('must name the application, as in jumak uvicorn shop.main:app; jumak alone finds it')
  else if (other !== undefined) report(`must be one word: '${other}' stands behind ${app}`)
  else if (to.valueOf<boolean>('factory') !== true) to.named('APP', name)
  else if (name.includes(':')) to.named('APP', name.endsWith('()') ? name : `${name}()`)
  else report('must name its factory with --factory, as in shop.main:create_app')
}

function help(): string {
  return formatHelp(
    'jumak uvicorn [OPTION ...] APP',
    "uvicorn's command line, served by Jumak. APP is MODULE:NAME. Each option is also a variable, as in UVICORN_LOG_LEVEL. Defaults are in brackets.",
    COMMAND_LINE,
  )
}
