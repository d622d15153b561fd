/** The command line of another program: `jumak gunicorn shop.wsgi`. Runs in the command line. Loaded only for such a command line. */
import { type Adapter, OUR_EXITS } from '../adapters/adapted.ts'
import { fastapi } from '../adapters/fastapi/fastapi.ts'
import { gunicorn } from '../adapters/gunicorn/gunicorn.ts'
import { uvicorn } from '../adapters/uvicorn/uvicorn.ts'
import type { Started } from '../control/started.ts'
import type { ProgramName } from './programs.ts'
import { findEnvironment, runArguments } from './run.ts'
import { writeTo } from './terminal.ts'

const ADAPTERS: Readonly<Record<ProgramName, Adapter>> = { gunicorn, uvicorn, fastapi }

/** `words`: behind the program's name. Resolves with the exit code, as `runCommandLine`. */
export async function runAdapted(program: ProgramName, words: readonly string[], started: Started): Promise<number> {
  const environment = findEnvironment()
  const adapted = environment === null ? null : ADAPTERS[program].adapt(words, environment, null)
  if (adapted !== null && adapted.answer !== null) {
    writeTo(process.stdout, adapted.answer)
    return 0
  }
  // Without a working directory there is nothing to adapt: the answer is the same.
  const code = await runArguments(adapted?.args ?? NOTHING_GIVEN, started)
  if (adapted === null) return code
  if (code === OUR_EXITS.settings) return adapted.exits.settings
  return code === OUR_EXITS.application ? adapted.exits.application : code
}

const NOTHING_GIVEN = {
  actions: new Set<never>(),
  values: new Map(),
  diagnostics: [],
  isPositionalUncertain: true,
  adapted: null,
}
