/** Does the README of a folder name what is in it? `scripts/check-readmes.ts` runs it on the tree. */

/** A sentence for each entry that the README's table does not name or names twice, and for each name without an entry. `entries`: `a.ts`, `wire/`. */
export function problemsOf(readme: string, text: string, entries: readonly string[]): string[] {
  const named = filesOf(text)
  if (named === null) return [`${readme}: has no table whose first column is 'file'`]
  return [
    ...entries.filter(name => !named.includes(name)).map(name => `${readme}: does not name ${name}`),
    ...named.filter(name => !entries.includes(name)).map(name => `${readme}: names ${name}, which is not there`),
    ...named.filter((name, at) => named.indexOf(name) < at).map(name => `${readme}: names ${name} twice`),
  ]
}

/** The code words of the first column. Null: there is no such table. */
function filesOf(text: string): string[] | null {
  const lines = text.split('\n')
  const first = lines.findIndex(line => /^\| file +\|/.test(line))
  if (first < 0) return null
  const end = lines.findIndex((line, at) => at > first && !line.startsWith('|'))
  const rows = lines.slice(first + 2, end < 0 ? lines.length : end)
  return rows.flatMap(row => [...row.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!))
}
