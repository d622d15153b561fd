/** The name under which Python imports a file, from the directory above its outermost package. */
import { basename, dirname, join } from 'node:path'
import { isFile, readText } from '../machine/files.ts'
import { withoutComments } from './python-source.ts'

export interface ModuleName {
  /** `shop.main`; of an `__init__.py` the package. */
  readonly module: string
  /** Above the outermost package. */
  readonly root: string
}

const INIT = '__init__.py'

/**
 * The packages around a file are the directories with an `__init__.py`, and those that its relative imports need. Null if the name of
 * a directory has a dot: Python cannot import it.
 */
export function moduleNameOf(file: string): ModuleName | null {
  const parts = basename(file) === INIT ? [] : [basename(file).slice(0, -'.py'.length)]
  const least = parts.length + relativeDepth(file)
  let root = dirname(file)
  while ((isFile(join(root, INIT)) || parts.length < least) && dirname(root) !== root) {
    parts.unshift(basename(root))
    root = dirname(root)
  }
  return parts.length === 0 || parts.some(part => part.includes('.')) ? null : { module: parts.join('.'), root }
}

/** 2 for `from ..shop import prices`; 0 if the file has no relative import. */
export function relativeDepth(file: string): number {
  return Math.max(0, ...importsOf(file).map(name => /^\.*/.exec(name)![0].length))
}

/** Whether a file imports from this package by its name. */
export function importsPackage(file: string, name: string): boolean {
  return importsOf(file).some(one => one === name || one.startsWith(`${name}.`))
}

/** The file of a module below `root`, or null. */
export function fileOfModule(module: string, root: string): string | null {
  const path = join(root, ...module.split('.'))
  return [`${path}.py`, join(path, INIT)].find(isFile) ?? null
}

/** The words after `from` and `import`. */
function importsOf(file: string): string[] {
  const text = withoutComments(readText(file) ?? '')
  return [...text.matchAll(/^[ \t]*(?:from|import)[ \t]+([\w.]+)/gm)].map(match => match[1]!)
}
