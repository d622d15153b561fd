/**
 * The names that a Python file defines when it is imported, by its text. This is no parser: it knows assignments, `def`, `class` and
 * `import` on a line of their own, at the top level or inside `if`, `try` and `with` there. It may miss a name. A name that it finds is
 * defined, unless a condition is false.
 */

const NAME = '[\\p{ID_Start}_]\\p{ID_Continue}*'
const STRING_OR_COMMENT = /('''|""")[\s\S]*?\1|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|#[^\n]*/g
/** Bodies that an import does not run, or that have names of their own. */
const CLOSED_BODY = new RegExp(`^(?:(?:async\\s+)?def|class)\\s+(${NAME})|^if\\s+__name__\\s*==`, 'u')
const ASSIGNED = new RegExp(`^(${NAME}(?:\\s*,\\s*${NAME})*)\\s*(?::[^=]+)?=(?!=)\\s*`, 'u')

export function topLevelNames(source: string): ReadonlySet<string> {
  const names = new Set<string>()
  // Indentation of the line that opened a closed body, while inside it.
  let closedAt = Number.POSITIVE_INFINITY
  for (const line of logicalLines(source)) {
    const indentation = line.length - line.trimStart().length
    if (indentation > closedAt) continue
    const statement = line.trim()
    const closed = CLOSED_BODY.exec(statement)
    closedAt = closed === null ? Number.POSITIVE_INFINITY : indentation
    for (const name of closed === null ? namesOf(statement) : [closed[1]]) if (name !== undefined) names.add(name)
  }
  return names
}

/** Strings stay as they are. */
export function withoutComments(source: string): string {
  return source.replace(STRING_OR_COMMENT, match => (match.startsWith('#') ? '' : match))
}

function namesOf(statement: string): string[] {
  const imported = /^(from\s+\S+\s+)?import\s+(.+)$/.exec(statement)
  if (imported !== null)
    return imported[2]!
      .replace(/[()]/g, '')
      .split(',')
      .map(boundName)
      .filter(name => name !== '')
  // `app = application = ...`: one name after the other.
  const names: string[] = []
  for (let rest = statement, match = ASSIGNED.exec(rest); match !== null; match = ASSIGNED.exec(rest)) {
    names.push(...match[1]!.split(',').map(name => name.trim()))
    rest = rest.slice(match[0].length)
  }
  return names
}

/** `x as y` binds y, `a.b` binds a. Empty after a last comma. */
function boundName(imported: string): string {
  const words = imported.trim().split(/\s+/)
  return words.length === 3 && words[1] === 'as' ? words[2]! : words[0]!.split('.')[0]!
}

/** Lines without strings and comments; continued lines are joined, empty lines are left out. */
function logicalLines(source: string): string[] {
  const text = source
    .replace(STRING_OR_COMMENT, match => (match.startsWith('#') ? '' : "''"))
    .replace(/\\\r?\n/g, ' ')
    .replace(/\t/g, '        ')
  const lines: string[] = []
  let open = 0
  for (const line of text.split(/\r?\n/)) {
    if (open > 0) lines.push(`${lines.pop()} ${line.trim()}`)
    else if (line.trim() !== '') lines.push(line)
    open = Math.max(0, open + (line.match(/[([{]/g)?.length ?? 0) - (line.match(/[)\]}]/g)?.length ?? 0))
  }
  return lines
}
