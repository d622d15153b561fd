/**
 * The application's directory: `--chdir`, or the working directory. It stays as the user named it: symbolic links are not resolved, so
 * the next reload follows a `current` link that was switched. Runs in the command line, and in the master when it reloads.
 */
import { accessSync, constants } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import type { Parsed } from '../diagnostics.ts'
import type { Environment, WorkingDirectory } from './environment.ts'
import { statOrNull } from './files.ts'

/** `chdir` may be relative; `.` is the working directory. The result is absolute. */
export function findDirectory(chdir: string, environment: Environment): Parsed<string> {
  const directory = fromWorkingDirectory(chdir, environment)
  const stats = statOrNull(directory)
  if (stats === null) return { problem: 'must name a directory that exists' }
  if (!stats.isDirectory()) return { problem: 'must name a directory' }
  try {
    accessSync(directory, constants.X_OK)
  } catch {
    return { problem: 'must name a directory that this user may enter' }
  }
  return { value: directory }
}

/** `..` of a symbolic link has two meanings. Here it means the same as for the kernel, `ls` and tab completion. */
export function fromWorkingDirectory(path: string, where: WorkingDirectory): string {
  return resolve(path.split('/')[0] === '..' ? where.cwd : logicalWorkingDirectory(where), path)
}

/** $PWD is the shell's name of the directory. It is wrong after a program changed the directory without setting it. */
export function logicalWorkingDirectory({ cwd, pwd, logical: known }: WorkingDirectory): string {
  if (known !== undefined) return known
  if (pwd === undefined || !isAbsolute(pwd)) return cwd
  const [logical, physical] = [statOrNull(pwd), statOrNull(cwd)]
  const same = logical !== null && logical.dev === physical?.dev && logical.ino === physical.ino
  return same ? pwd : cwd
}
