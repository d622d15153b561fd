/**
 * The thread in which passwords are checked, one after the other: an event loop that serves would stand still, and Node's thread pool, in
 * which files are read, has few places. Started by `hasher.ts`.
 */
import { parentPort } from 'node:worker_threads'
import { parsePasswordHash } from '../password-hash.ts'
import type { HashAnswer, HashQuestion } from './hasher.ts'
import { isPassword } from './verify.ts'

parentPort!.on('message', ({ id, password, hash }: HashQuestion) => {
  parentPort!.postMessage({ id, ...answerTo(Buffer.from(password), hash) } satisfies HashAnswer)
})

/** Argon2 may find no memory. Then nobody knows whether the password is right, and the next one may be checked. */
function answerTo(password: Buffer, hash: string): Omit<HashAnswer, 'id'> {
  const parsed = parsePasswordHash(hash)
  if ('problem' in parsed) return { isRight: false, problem: null }
  try {
    return { isRight: isPassword(password, parsed), problem: null }
  } catch (error) {
    return { isRight: false, problem: (error as Error).message }
  }
}
