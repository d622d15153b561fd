/** Do comments and documents name files that are there? `scripts/check-readmes.ts` runs it on the tree. */

export interface Mention {
  readonly line: number
  /** As it stands there: `pool.ts`, `src/apps/pool/pool.ts`. */
  readonly name: string
}

/** Names of TypeScript and Python files in backticks, one for each place. */
export function mentionsIn(text: string): Mention[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(/`([\w./-]+\.(?:ts|py))`/g)].map(([, name]) => ({ line: index + 1, name: name! })),
    )
}

/** A sentence for each mention of a file that is not there. A name means every file whose path ends in it. */
export function missingFiles(path: string, text: string, files: readonly string[]): string[] {
  return mentionsIn(text)
    .filter(({ name }) => !files.some(file => file === name || file.endsWith(`/${name.replace(/^(\.\.?\/)+/, '')}`)))
    .map(({ line, name }) => `${path}:${line}: names ${name}, which is not there`)
}
