/**
 * `jumak uvicorn`: uvicorn's command line and its variables `UVICORN_…`, as arguments of ours. The command line wins; what is given nowhere
 * has uvicorn's default. Runs in the command line, and in the master when it reloads. Pure.
 */
import { logicalWorkingDirectory } from '../../config/machine/directory.ts'
import { type Adapted, type Adapter, argumentsOf, mergeGiven, OUR_EXITS } from '../adapted.ts'
import { translate } from '../option.ts'
import { Translation } from '../translation.ts'
import { CLICK, readWords } from '../words.ts'
import { OPTIONS } from './table.ts'

export const uvicorn: Adapter = {
  name: 'uvicorn',
  adapt(words, environment): Adapted {
    const read = readWords(words, OPTIONS, CLICK)
    const given = mergeGiven(read.given)
    const translation = new Translation(given, logicalWorkingDirectory(environment), environment.variables)
    translation.problems.push(...read.problems)
    const app = read.positionals[0]
    if (app !== undefined) translation.named('APP', app)
    translate(given, translation)
    return {
      args: argumentsOf('uvicorn', translation, new Set(), false, null),
      answer: null,
      file: null,
      exits: OUR_EXITS,
    }
  },
}
