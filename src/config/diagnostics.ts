/** What is wrong with a configuration: one sentence for each problem, all problems at once. */

export interface Diagnostic {
  /** Where the user finds it: `--workers`, `APP`, `JUMAK_WORKERS`, `jumak.toml:3:9`. */
  readonly subject: string
  /** A whole sentence without its full stop. It names the place, the setting, the value, and what is allowed. */
  readonly message: string
}

/** A wrong value that several applications inherit is one mistake. */
export function distinct(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...new Map(diagnostics.map(one => [one.message, one])).values()]
}

/** A value made from text, or what is wrong with the text: a phrase that follows the setting's name (`must be ...`). */
export type Parsed<Value> = { readonly value: Value } | { readonly problem: string }
