/** A worker broke a rule of the wire: its link is closed and the worker replaced. The message says which rule. */
export class WireViolation extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WireViolation'
  }
}
