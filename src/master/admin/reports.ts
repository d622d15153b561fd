/**
 * Asks the gateway what it does at this moment, for the status. Runs in the master. A gateway that does not answer soon has no answer: it
 * may be gone, just starting, or busy, and the status tells the rest.
 */
import type { MasterToGateway, Reported, TrafficReport } from '../../control/messages.ts'

/** A gateway answers within a turn of its event loop. A person waits for this. */
const ANSWER_MS = 1000

export class Reports {
  readonly #send: (message: MasterToGateway) => void
  readonly #answerMs: number
  readonly #waiting = new Map<number, (report: TrafficReport | null) => void>()
  #last = 0

  /** `send`: to the present gateway; it may be gone. `answerMs`: for tests. */
  constructor(send: (message: MasterToGateway) => void, answerMs: number = ANSWER_MS) {
    this.#send = send
    this.#answerMs = answerMs
  }

  /** Null: it did not answer. */
  ask(): Promise<TrafficReport | null> {
    const id = ++this.#last
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#waiting.get(id)?.(null), this.#answerMs)
      this.#waiting.set(id, report => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        resolve(report)
      })
      this.#send({ type: 'report', id })
    })
  }

  /** An answer that comes late, or that nobody asked for, changes nothing. */
  answered({ type: _, id, ...report }: Reported): void {
    this.#waiting.get(id)?.(report)
  }
}
