/** A question to all threads, and what is done when all of them have answered. Runs in the main thread of the gateway. */

interface Question<T> {
  readonly awaited: Set<number>
  readonly answers: T[]
  readonly onAll: (answers: readonly T[]) => void
}

/** Questions by a key. A thread that dies is awaited no longer. */
export class Answers<T> {
  readonly #questions = new Map<string, Question<T>>()

  /** `onAll` is called once; at once if there is no thread. A later question with the same key replaces the one before. */
  ask(key: string, threads: readonly number[], onAll: (answers: readonly T[]) => void): void {
    if (threads.length === 0) onAll([])
    else this.#questions.set(key, { awaited: new Set(threads), answers: [], onAll })
  }

  answer(key: string, thread: number, value: T): void {
    const question = this.#questions.get(key)
    if (!question?.awaited.delete(thread)) return
    question.answers.push(value)
    this.#look(key, question)
  }

  threadDied(thread: number): void {
    for (const [key, question] of [...this.#questions]) if (question.awaited.delete(thread)) this.#look(key, question)
  }

  #look(key: string, { awaited, answers, onAll }: Question<T>): void {
    if (awaited.size > 0) return
    this.#questions.delete(key)
    onAll(answers)
  }
}
