/** What is wrong with a configuration: found all at once, told in one sentence each. */

export interface Diagnostic {
  /** What it is about, as the user finds it: `--workers`, `APP`, `JUMAK_WORKERS`, `jumak.toml:3:9`. */
  readonly subject: string
  /** A whole sentence without its full stop: names the place, the setting, the value, and what is allowed. */
  readonly message: string
}

/** A value made from text, or what is wrong with the text: a phrase that follows the setting's name (`must be ...`). */
export type Parsed<Value> = { readonly value: Value } | { readonly problem: string }
