/** A source file as it is now, and whether it is still what it was. For `--reload`: master and gateway must judge alike. */
import { statSync } from 'node:fs'
import type { SourceFile } from './messages.ts'

/** Milliseconds. Python and Node make a number of the same nanoseconds, and the two numbers differ in their last bits. */
const CLOCK_TOLERANCE = 0.01

/** The present state of the file; null: there is none. */
export function look(path: string): SourceFile | null {
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    return found?.isFile() ? { path, modified: found.mtimeMs, size: found.size } : null
  } catch {
    // No permission, a loop of links: Python could not read it either.
    return null
  }
}

export function isDifferent(one: SourceFile | null, other: SourceFile | null): boolean {
  if (one === null || other === null) return one !== other
  return one.size !== other.size || Math.abs(one.modified - other.modified) > CLOCK_TOLERANCE
}
