/** The application's environment variables: `--env` over Jumak's own environment, and that over `--env-file`. Runs in the master. */
import { readFileSync, statSync } from 'node:fs'
import { parseEnvFile } from '../../base/env-file.ts'
import { asErrno, OperatorError } from '../errors.ts'

/** A file of variables is small. A larger one is a mistake, and each worker would hold it in memory. */
const MAX_BYTES = 1024 * 1024

/**
 * `variables` (`--env`) win over everything. A later file wins over an earlier one. Jumak's own environment wins over files, as with docker
 * compose, dotenv and Node: a file has the usual values, and a platform or a shell sets the values for this run.
 * Each call reads the files again. An error in a file is an OperatorError with file and line.
 */
export function applicationVariables(
  own: NodeJS.ProcessEnv,
  files: readonly string[],
  variables: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  return { ...Object.assign({}, ...files.map(readFile)), ...own, ...variables }
}

/** What gives the variable its value, as words: `by --env`; empty: it has none. */
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
