/** A real application of somebody else, and what a visit to it does. */
import type { Stage } from './stage.ts'

export interface Application {
  /** A word: of the command, and of the environment's directory. */
  readonly name: string
  /** For people: `Zope 6.3 by PasteDeploy`. */
  readonly title: string
  /** A requirements file beside this one, without its ending. Applications may share an environment. */
  readonly packages: string
  /** What is installed and set up takes so much, as `850 MB, 5 minutes`. */
  readonly costs: string
  /** Sets it up, starts it as its own documents say, and asks it what its users do. Throws at the first thing that is wrong. */
  readonly visit: (stage: Stage) => Promise<void>
}

/** Parts of it that are not visited, and why: told in the table. */
export interface Visited {
  readonly checked: readonly string[]
  readonly gaps: readonly string[]
}
