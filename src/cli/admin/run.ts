/**
 * `jumak status`, `reload`, `upgrade`, `stop`, `workers`, `log-level`: finds the running program through its configuration, asks, and prints the
 * answer. Runs in the command line. Loads nothing that serves.
 *
 * Exit codes: 0 done, 1 it failed or no program answers, 2 the words or the settings are wrong.
 */
import { locateAdminSocket } from '../../config/load.ts'
import { logicalWorkingDirectory } from '../../config/machine/directory.ts'
import { type Environment, processEnvironment } from '../../config/machine/environment.ts'
import { parseArguments } from '../../config/sources/arguments.ts'
import type { AdminSocket } from '../../config/types.ts'
import { ADMIN_VERSION, type ProgramStatus } from '../../control/admin-messages.ts'
import type { Command } from '../commands.ts'
import { describeTerminal, writeTo } from '../terminal.ts'
import { ask } from './connect.ts'
import { commandHelp } from './help.ts'
import { plain, plainJson } from './plain.ts'
import { renderStatus } from './render.ts'
import { readWords, type Words } from './words.ts'

const [DONE, FAILED, WRONG_USAGE] = [0, 1, 2]

/** Resolves with the exit code. `rest`: the words after the command. */
export async function runCommand(command: Command, rest: readonly string[]): Promise<number> {
  const words = readWords(command, rest)
  if ('isHelp' in words) {
    writeTo(process.stdout, commandHelp(command, describeTerminal(process.stdout, process.env)))
    return DONE
  }
  if ('problem' in words) return fail(WRONG_USAGE, [words.problem, `try jumak ${command} --help`])
  let environment: Environment
  try {
    environment = processEnvironment()
  } catch {
    return fail(FAILED, ['the working directory does not exist any more; change to one that does'])
  }
  const { socket, diagnostics } = locateAdminSocket(parseArguments(words.where), {
    ...environment,
    logical: logicalWorkingDirectory(environment),
  })
  const problems = diagnostics.map(one => one.message)
  if (socket === null) return fail(WRONG_USAGE, problems)
  if (socket.paths.length === 0)
    return fail(FAILED, ['admin-socket is off in this configuration: without it no command can reach the program'])
  return converse(socket, words, problems)
}

/** `problems`: of the configuration. They may be why no program is found, and matter to none that answers. */
async function converse(socket: AdminSocket, words: Words, problems: readonly string[]): Promise<number> {
  const { question, isJson, isProbe } = words
  const isWatched = process.stderr.isTTY === true && !isJson
  const asked = await ask(socket, {
    question,
    onProgress: text => isWatched && writeTo(process.stderr, `${plain(text)}\n`),
  })
  if ('absent' in asked && problems.length > 0) return fail(WRONG_USAGE, problems)
  if ('absent' in asked) return sayError(describeAbsence(socket.paths, asked.refused), isJson)
  if ('problem' in asked) return sayError(asked.problem, isJson)
  const { answer, line } = asked
  const unready = isProbe && answer.ok && answer.command === 'status' ? whyUnready(answer) : null
  if (isJson) writeTo(process.stdout, `${plainJson(line)}\n`)
  else if (unready !== null) return fail(FAILED, [unready])
  else if (isProbe && answer.ok) writeTo(process.stdout, 'ready\n')
  else if (!answer.ok) return sayError(answer.error, false)
  else if (answer.command === 'status')
    writeTo(process.stdout, renderStatus(answer, describeTerminal(process.stdout, process.env)))
  // The program has closed the connection: it has ended.
  else writeTo(process.stdout, `${answer.command === 'stop' ? 'stopped' : plain(answer.message)}\n`)
  return answer.ok && unready === null ? DONE : FAILED
}

/** One line; null: it is ready. An application that reloads serves with its old code. */
function whyUnready({ state, apps, gateway }: ProgramStatus): string | null {
  if (state === 'ready' && gateway?.state !== 'listening') return 'not ready: the gateway starts'
  if (state === 'ready') return gateway?.traffic === null ? 'not ready: the gateway does not answer' : null
  const without = apps.filter(app => app.state !== 'ready' && app.state !== 'reloading')
  if (state === 'stopping' || without.length === 0) return `not ready: ${state}`
  return `not ready: ${without.map(app => [`${app.name} ${app.state}`, app.problem].filter(Boolean).join(': ')).join('; ')}`
}

function describeAbsence(paths: readonly string[], refused: string | null): string {
  if (refused !== null) return `this user may not use ${refused}: run the command as the user who started the program`
  return [
    `no running program answers at ${paths.join(' or ')}.`,
    'Run the command where the program was started (as the same user), or say which one: -c FILE, --chdir DIR or --admin-socket PATH.',
  ].join('\n')
}

function sayError(error: string, isJson: boolean): number {
  if (!isJson) return fail(FAILED, [error])
  writeTo(process.stdout, `${JSON.stringify({ jumak: ADMIN_VERSION, ok: false, error })}\n`)
  return FAILED
}

function fail(code: number, messages: readonly string[]): number {
  writeTo(process.stderr, messages.map(message => `jumak: ${plain(message)}\n`).join(''))
  return code
}
