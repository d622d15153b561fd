/** A mistake in a configuration or a request, as a value. */
export interface Problem {
  /** A sentence or a phrase, as the function that returns it says. */
  readonly problem: string
}

export function isProblem<Value extends object>(value: Value | Problem): value is Problem {
  return 'problem' in value
}
