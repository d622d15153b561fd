/** What is wrong with a configuration: found all at once, told in one sentence each. */

export interface Diagnostic {
  /** What it is about, as the user writes it: `--workers`, `APP`. */
  readonly subject: string
  /** A whole sentence without its full stop: names the subject, the value, and what is allowed. */
  readonly message: string
}

/** A value made from text, or what is wrong with the text: a phrase that follows the setting's name (`must be ...`). */
export type Parsed<Value> = { readonly value: Value } | { readonly problem: string }

/** `--workers must be a number from 1 to 1024, or auto, not 'many'`. */
export function wrongValue(subject: string, problem: string, text: string): Diagnostic {
  return { subject, message: `${subject} ${problem}, not '${text}'` }
}
