/**
 * The application's directory: `--chdir`, or the working directory. Kept as the user named it, links not resolved, so
 * that a `current` link that is switched is followed at the next reload.
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

/** What is above a link differs by how one looks: `..` means what the kernel, `ls` and tab completion make of it. */
export function fromWorkingDirectory(path: string, where: WorkingDirectory): string {
  return resolve(path.split('/')[0] === '..' ? where.cwd : logicalWorkingDirectory(where), path)
}

/** $PWD is what the shell calls the directory; it is stale where a program changed directory without telling. */
export function logicalWorkingDirectory({ cwd, pwd, logical: known }: WorkingDirectory): string {
  if (known !== undefined) return known
  if (pwd === undefined || !isAbsolute(pwd)) return cwd
  const [logical, physical] = [statOrNull(pwd), statOrNull(cwd)]
  const same = logical !== null && logical.dev === physical?.dev && logical.ino === physical.ino
  return same ? pwd : cwd
}
