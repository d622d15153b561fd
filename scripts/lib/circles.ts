/** Circles of imports between the files of `src/`. `scripts/check-layers.ts` runs it on the tree. */
import { dirname, join, normalize } from 'node:path/posix'
import { importsOf, isForTests, type SourceFile } from './layers.ts'

/**
 * Each group of files that import one another, directly or through others, as one sentence. `import type` counts: two files that
 * need each other's types are one thing in two places. Tests are not looked at.
 */
export function circles(files: readonly SourceFile[]): string[] {
  const imports = new Map<string, string[]>()
  for (const { path, text } of files) {
    if (isForTests(path)) continue
    const own = importsOf(text).filter(one => one.specifier.startsWith('.'))
    imports.set(
      path,
      own.map(one => normalize(join(dirname(path), one.specifier))),
    )
  }
  return componentsOf(imports)
    .filter(component => component.length > 1)
    .map(component => `these files import one another: ${component.sort().join(', ')}`)
    .sort()
}

/** The strongly connected components, by Tarjan's algorithm. */
function componentsOf(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = []
  const numbers = new Map<string, number>()
  const path: string[] = []
  const onPath = new Set<string>()

  /** Returns the lowest number of a file on the path that `file` reaches. */
  const visit = (file: string): number => {
    const number = numbers.size
    numbers.set(file, number)
    path.push(file)
    onPath.add(file)
    let lowest = number
    for (const next of edges.get(file) ?? []) {
      if (!edges.has(next)) continue
      if (!numbers.has(next)) lowest = Math.min(lowest, visit(next))
      else if (onPath.has(next)) lowest = Math.min(lowest, numbers.get(next)!)
    }
    if (lowest === number) {
      const component = path.splice(path.lastIndexOf(file))
      for (const one of component) onPath.delete(one)
      found.push(component)
    }
    return lowest
  }

  for (const file of edges.keys()) if (!numbers.has(file)) visit(file)
  return found
}
