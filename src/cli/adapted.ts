/**
 * The command line of another program: `jumak gunicorn shop.wsgi`. Runs in the command line. Loaded only for such a command line.
 *
 * A configuration file in Python is evaluated first, by a process that becomes the preloader of the first generation
 * (`master/fleet/prepared.ts`); at a reload the same for the next one.
 */
import { type Adapted, type Adapter, type EvaluatedFile, OUR_EXITS, type WantedFile } from '../adapters/adapted.ts'
import { fastapi } from '../adapters/fastapi/fastapi.ts'
import { gunicorn } from '../adapters/gunicorn/gunicorn.ts'
import { uvicorn } from '../adapters/uvicorn/uvicorn.ts'
import { readIdentity } from '../config/identity.ts'
import type { Environment } from '../config/machine/environment.ts'
import { application } from '../config/settings/application.ts'
import type { Arguments } from '../config/sources/arguments.ts'
import { readVariables } from '../config/sources/variables.ts'
import { merge, Values } from '../config/values.ts'
import type { Started } from '../control/started.ts'
import { failHandOver } from '../control/upgrade-messages.ts'
import type { PreparedPreloaders } from '../master/fleet/prepared.ts'
import type { OtherProgram, ProgramName } from './programs.ts'
import { findEnvironment, runArguments } from './run.ts'
import { writeTo } from './terminal.ts'

export const ADAPTERS: Readonly<Record<ProgramName, Adapter>> = { gunicorn, uvicorn, fastapi }

/** Resolves with the exit code, as `runCommandLine`. */
export async function runAdapted(other: OtherProgram, started: Started): Promise<number> {
  const { program, rest: words, python } = other
  // Words of another program name no Python: as the other settings of ours it is a variable.
  if (python !== null) process.env['JUMAK_PYTHON'] = python
  const surroundings = findEnvironment()
  // Without a working directory there is nothing to adapt: the answer is the same.
  if (surroundings === null) return runArguments(NOTHING_GIVEN, started)
  const environment = withOwnSockets(surroundings, started)
  const adapted = ADAPTERS[program].adapt(words, environment, null)
  if (adapted.answer !== null) {
    writeTo(process.stdout, adapted.answer)
    return 0
  }
  if (adapted.file !== null) return runEvaluated(ADAPTERS[program], words, environment, adapted, adapted.file, started)
  return exitOf(await runArguments(adapted.args, started), adapted)
}

/** Sockets of systemd are for the process that it has started, and for its successors: a process of theirs has the variables, too. */
function withOwnSockets(environment: Environment, { handOver }: Started): Environment {
  const { LISTEN_PID: pid, LISTEN_FDS: _, ...others } = environment.variables
  return pid === String(process.pid) || handOver !== null ? environment : { ...environment, variables: others }
}

/** As the other program's. */
function exitOf(code: number, { exits }: Adapted): number {
  if (code === OUR_EXITS.settings) return exits.settings
  return code === OUR_EXITS.application ? exits.application : code
}

/** `first`: of the words alone. */
async function runEvaluated(
  adapter: Adapter,
  words: readonly string[],
  environment: Environment,
  first: Adapted,
  file: WantedFile,
  started: Started,
): Promise<number> {
  const { PreparedPreloaders } = await import('../master/fleet/prepared.ts')
  const prepared = new PreparedPreloaders(line => writeTo(process.stderr, `${line}\n`))
  let adapted = first
  const again = async (): Promise<readonly string[]> => {
    const evaluated = await evaluate(prepared, first.args, file, environment)
    if ('problem' in evaluated) return [evaluated.problem]
    adapted = adapter.adapt(words, environment, evaluated)
    return []
  }
  const problems = await again()
  if (problems.length > 0) {
    // The running Jumak has a log, and serves on.
    if (started.handOver !== null && failHandOver(started.handOver, problems.join('\n'))) return adapted.exits.settings
    writeTo(process.stderr, problems.map(problem => `jumak: ${problem}\n`).join(''))
    return adapted.exits.settings
  }
  const code = await runArguments(adapted.args, started, { prepared, again, args: () => adapted.args })
  prepared.drop()
  return exitOf(code, adapted)
}

/** `args`: of the words and variables alone. They say who evaluates the file, and with which Python. `variables`: of the process that does. */
export async function evaluate(
  prepared: PreparedPreloaders,
  args: Arguments,
  { directory, ...file }: WantedFile,
  environment: Environment,
  variables: NodeJS.ProcessEnv = process.env,
): Promise<EvaluatedFile | { readonly problem: string }> {
  const values = new Values(merge([args.values, readVariables(environment.variables).values]), environment)
  const evaluated = await prepared.evaluate({
    file,
    directory,
    python: values.one(application.python),
    identity: readIdentity(values, environment),
    variables,
  })
  return 'problem' in evaluated ? evaluated : { display: file.display, values: evaluated.values }
}

const NOTHING_GIVEN: Arguments = {
  actions: new Set(),
  values: new Map(),
  diagnostics: [],
  isPositionalUncertain: true,
  adapted: null,
}
