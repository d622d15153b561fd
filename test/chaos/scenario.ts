/** What a scenario is, and what it tells. */
import { type Counts, type Load, noCounts } from './load.ts'

export interface Scenario {
  /** To choose it by. */
  readonly name: string
  /** What is done to the program, for the table. */
  readonly fault: string
  /** Throws `Skip` where it cannot run. */
  readonly run: (report: Report) => Promise<void>
}

/** The machine does not allow it. */
export class Skip extends Error {}

export class Report {
  readonly counts: Counts = noCounts()
  /** What must not be: each fails the scenario. */
  readonly problems: string[] = []
  /** Figures worth knowing. */
  readonly notes: string[] = []
  /** False where the machine may be busy with anything else. */
  readonly judgesTimes: boolean
  #injected = 0
  readonly #onProgress: (text: string) => void

  constructor(onProgress: (text: string) => void, judgesTimes = true) {
    this.#onProgress = onProgress
    this.judgesTimes = judgesTimes
  }

  get injected(): number {
    return this.#injected
  }

  progress(text: string): void {
    this.#onProgress(text)
  }

  /** `seen` times by what the program or the kernel says, `wanted` times by what the scenario did. */
  injectedAs(seen: number, wanted: number, what: string): void {
    this.#injected += seen
    this.expect(seen >= wanted, `injected ${wanted} times, but seen ${seen} times (${what})`)
  }

  expect(condition: boolean, problem: string): void {
    if (!condition) this.problems.push(problem)
  }

  note(text: string): void {
    this.notes.push(text)
  }

  add(load: Pick<Load, 'counts' | 'problems'>): void {
    for (const name of Object.keys(this.counts) as (keyof Counts)[]) this.counts[name] += load.counts[name]
    this.problems.push(...load.problems)
  }
}
