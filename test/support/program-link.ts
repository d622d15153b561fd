import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { ROOT } from './paths.ts'
import { temporaryDirectory } from './project.ts'

/** A link of that name to the program, as in `ln -s "$(command -v jumak)" /usr/local/bin/gunicorn`. Returns its path. */
export function linkToProgram(t: TestContext, name: 'gunicorn' | 'uvicorn' | 'fastapi'): string {
  const path = join(temporaryDirectory(t), name)
  symlinkSync(join(ROOT, 'bin/jumak'), path)
  return path
}
