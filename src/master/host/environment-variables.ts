/** The environment of the application: `--env` over what Jumak itself has, and that over `--env-file`. Runs in the master. */
import { readFileSync, statSync } from 'node:fs'
import { parseEnvFile } from '../../base/env-file.ts'
import { asErrno, OperatorError } from '../errors.ts'

/** A file of variables is small; anything larger is a mistake, and would be held in memory by each worker. */
const MAX_BYTES = 1024 * 1024

/**
 * `variables` (`--env`) win over all, and a file over those before it. What the surroundings say wins over files: they
 * hold what is usual, and a platform or a shell what is meant this time; so it is with docker compose, dotenv and Node.
 * Files are read anew at each call; an error in any is an OperatorError with file and line.
 */
export function applicationVariables(
  own: NodeJS.ProcessEnv,
  files: readonly string[],
  variables: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  return { ...Object.assign({}, ...files.map(readFile)), ...own, ...variables }
}

/** Who gives a variable its value there, as words: `by --env`; empty where it has none. */
export function originOf(
  name: string,
  own: NodeJS.ProcessEnv,
  files: readonly string[],
  variables: Readonly<Record<string, string>>,
): string {
  if (Object.hasOwn(variables, name)) return 'by --env'
  if (own[name] !== undefined) return 'in the environment of Jumak'
  const file = files.findLast(path => Object.hasOwn(readFile(path), name))
  return file === undefined ? '' : `by --env-file ${file}`
}

function readFile(path: string): Record<string, string> {
  let text: string
  try {
    if (statSync(path).size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`)
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new OperatorError(`cannot read the --env-file ${path}: ${asErrno(error).message}`)
  }
  const result = parseEnvFile(text)
  if ('variables' in result) return result.variables
  throw new OperatorError(result.errors.map(({ line, message }) => `--env-file ${path}:${line}: ${message}`).join('\n'))
}
