/** What an application runs in: its directory, its Python, its variables, and our program. Found again for each generation; runs in the master. */
import { statSync } from 'node:fs'
import type { AppConfig } from '../../config/types.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { applicationVariables, originOf } from './environment-variables.ts'
import { openProgram } from './open-program.ts'
import { findPython, type Python } from './python.ts'

export interface ApplicationEnvironment {
  readonly python: Python
  /** The path that Python runs. */
  readonly program: string
  readonly variables: NodeJS.ProcessEnv
  /** Where the variable DJANGO_SETTINGS_MODULE comes from, as words; empty: it is not set. */
  readonly settingsFrom: string
}

/** `program`: of ours. `runtimeDirectory`: of the application, or empty. */
export interface EnvironmentOptions {
  readonly app: AppConfig
  readonly program: string
  readonly runtimeDirectory: string
}

/** Throws an OperatorError. `signal` aborts the search for the Python. */
export async function findApplicationEnvironment(
  { app, program, runtimeDirectory }: EnvironmentOptions,
  signal: AbortSignal,
): Promise<ApplicationEnvironment> {
  const { directory, envFiles, variables, identity } = app
  checkDirectory(directory)
  return {
    python: await findPython({ explicit: app.python, directory, environment: process.env, identity }, signal),
    program: openProgram(identity, program, runtimeDirectory),
    variables: applicationVariables(process.env, envFiles, variables),
    settingsFrom: originOf('DJANGO_SETTINGS_MODULE', process.env, envFiles, variables),
  }
}

/** For a clear message: `spawn` in a missing directory says that the Python does not exist. */
function checkDirectory(directory: string): void {
  try {
    if (statSync(directory).isDirectory()) return
  } catch (error) {
    throw new OperatorError(`cannot enter the application's directory ${directory}: ${asErrno(error).message}`)
  }
  throw new OperatorError(`the application's directory ${directory} is no directory`)
}
