/** What a place has where a command stands: a file, or the words themselves. Pure. */

export interface FoundCommand {
  /** As a program gets them; `text`: a line for a shell. */
  readonly command: { readonly words: readonly string[] } | { readonly text: string }
  /** For messages: `Procfile:1`, `shop.service:7`; empty: the words of the user. */
  readonly place: string
  /** In which it runs; null: the place does not say so. */
  readonly directory: string | null
  /** That the place sets for it. */
  readonly variables: Readonly<Record<string, string>>
  readonly user: string | null
  readonly group: string | null
  /** The place describes another machine: its paths are not those of this one. */
  readonly isContainer: boolean
  /** Sentences: what is different, and what stays as it is. */
  readonly notes: readonly string[]
}

export type Found = FoundCommand | { readonly problem: string }

/** What most places say nothing of. */
export const NOTHING_SAID: Omit<FoundCommand, 'command' | 'place'> = {
  directory: null,
  variables: {},
  user: null,
  group: null,
  isContainer: false,
  notes: [],
}
