/** What other threads of the gateway use of something that all of them share. With one thread there is null in its place. */
export interface OtherThreads {
  /** All threads, this one too. */
  readonly threads: number
  /** How much the others use together, never less than they do. */
  used(): number
  /** How much this thread uses. The others see it at once. */
  tell(used: number): void
  /** Those of the others that use more than `share` should look soon. */
  ask(share: number): void
}

/** Of all that the threads of a gateway share. */
export interface OtherUses {
  /** Bytes of buffers. */
  readonly memory: OtherThreads
  /** Bytes of temporary files. */
  readonly disk: OtherThreads
  /** Open files. */
  readonly files: OtherThreads
}
