/**
 * Finds the regular expressions of the program that can take more than linear time. `recheck` decides by automata: what it calls safe is
 * proven, on every machine (its other method tries attacks, and depends on time and luck). An expression that it cannot judge, such as one
 * with look-ahead, is refused as well. `scripts/check-regexes.ts` runs it on the tree.
 *
 * Not here: loops, and methods of the language that cost more than they look (`src/gateway/work.test.ts` counts their steps).
 */
import { createRequire, stripTypeScriptTypes } from 'node:module'
import { parse, type SourceLocation, type Token, type TokenType, tokTypes } from 'acorn'
import type { checkSync as Check } from 'recheck'
import { run } from './command.ts'

export interface Regex {
  readonly path: string
  readonly line: number
  /** Null: made at run time, so it cannot be judged here. */
  readonly pattern: string | null
  readonly flags: string
}

export interface Allowed {
  readonly path: string
  readonly pattern: string | null
  /** Why its time does not matter: mostly, whose text it reads. */
  readonly reason: string
}

interface Named {
  readonly type: TokenType
  readonly loc: SourceLocation
  readonly value: unknown
}

/** Literals, and calls that make a regular expression from a text. */
export function regexesOf(path: string, text: string): Regex[] {
  const tokens: Token[] = []
  // Only a parser can tell a division from a regular expression.
  parse(stripTypeScriptTypes(text), { ecmaVersion: 'latest', sourceType: 'module', locations: true, onToken: tokens })
  return (tokens as unknown as Named[]).flatMap(({ type, loc, value }, at, all): Regex[] => {
    const { line } = loc.start
    if (type === tokTypes.regexp) {
      const { pattern, flags } = value as { pattern: string; flags: string }
      return [{ path, line, pattern, flags }]
    }
    const called = type === tokTypes.name && all[at + 1]?.type === tokTypes.parenL ? value : ''
    const isText = all[at + 2]?.type === tokTypes.string
    const isMade = called === 'RegExp' || (isText && ['match', 'matchAll', 'search'].includes(called as string))
    return isMade ? [{ path, line, pattern: null, flags: '' }] : []
  })
}

const PYTHON = `
import ast, json, sys
found = []
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "re":
            found.append([path, node.lineno, None])
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re") or node.func.attr == "escape":
            continue
        pattern = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        has_flags = bool(node.keywords) or node.func.attr == "compile" and len(node.args) > 1
        if isinstance(pattern, bytes):
            pattern = pattern.decode("latin-1")
        found.append([path, node.lineno, None if has_flags else pattern])
print(json.dumps(found))
`

/** The expressions given to Python's `re`. As far as we use it, its grammar is JavaScript's. */
export async function pythonRegexes(python: string, paths: readonly string[], cwd: string): Promise<Regex[]> {
  const { code, output } = await run(python, ['-I', '-c', PYTHON, ...paths], { cwd })
  if (code !== 0) throw new Error(`${python} cannot read the worker's source: ${output}`)
  return (JSON.parse(output) as [string, number, string | null][]).flatMap(([path, line, pattern]): Regex[] =>
    // Nobody looks at the method, so both are judged: `search` begins anywhere, `fullmatch` must reach the end.
    pattern === null
      ? [{ path, line, pattern, flags: '' }]
      : [pattern, `^(?:${pattern})$`].map(one => ({ path, line, pattern: one, flags: '' })),
  )
}

/** A sentence for each expression that is neither proven nor allowed, and for each that is allowed and no longer there. */
export function judge(regexes: readonly Regex[], allowed: readonly Allowed[]): string[] {
  const isFor = (regex: Regex) => (one: Allowed) => one.path === regex.path && one.pattern === regex.pattern
  const judged = new Map<string, string | null>()
  const wrong = regexes
    .filter(regex => !allowed.some(isFor(regex)))
    .flatMap(({ path, line, pattern, flags }) => {
      const key = `/${pattern}/${flags}`
      if (!judged.has(key)) judged.set(key, problemOf(pattern, flags))
      const problem = judged.get(key)!
      return problem === null ? [] : [`${path}:${line}: ${pattern === null ? 'a regular expression' : key} ${problem}`]
    })
  const gone = allowed
    .filter(one => !regexes.some(regex => isFor(regex)(one)))
    .map(({ path, pattern }) => `${path}: /${pattern}/ is allowed, and is not there any more`)
  return [...wrong, ...gone]
}

/** The automaton of `(?:a{1,63}\.)*` would need hours: what takes so long is refused. All others take three seconds at most. */
const LONGEST_MS = 60_000

/** The pure JavaScript part of the package. Other parts start a binary or Java. */
const { checkSync } = createRequire(import.meta.url)('recheck/lib/browser.js') as { checkSync: typeof Check }

function problemOf(pattern: string | null, flags: string): string | null {
  if (pattern === null) return 'is put together at run time, where nobody can judge it'
  const found = checkSync(pattern, flags, { checker: 'automaton', timeout: LONGEST_MS })
  if (found.status === 'safe') return null
  if (found.status === 'vulnerable') return `can backtrack (${found.complexity.summary}): ${found.attack.pattern}`
  const { error } = found
  return `cannot be judged${'message' in error ? `: ${error.message}` : `: ${error.kind}`}`
}
