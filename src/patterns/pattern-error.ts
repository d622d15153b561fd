/** Why a pattern is refused. The message says what stands there and what to write instead. */
export class PatternError extends Error {
  /** Where in the source, in UTF-16 units as in `source.slice(offset)`: at what is wrong, or at the end if something is missing. */
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.name = 'PatternError'
    this.offset = offset
  }
}
