/** Runs the program to its end, for tests of what it prints and of its exit code. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './paths.ts'

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** `env`: variables besides those of the tests. */
export async function runJumak(
  args: readonly string[],
  directory: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const options = { cwd: directory, env: { ...process.env, PWD: directory, ...env } }
  try {
    return { code: 0, ...(await promisify(execFile)(join(ROOT, 'bin/jumak'), args, options)) }
  } catch (error) {
    const ended = error as Ended
    // A program that could not be started has a word in the place of the number.
    if (typeof ended.code !== 'number') throw error
    return ended
  }
}
