/**
 * A program whose threads each write lines to the same target: `-`, its standard output, or a file. When all threads have written half of
 * their lines to a file, it says `half`, and a line of standard input makes each thread reopen the file. At last it says `end`.
 */
import { once } from 'node:events'
import { isMainThread, parentPort, threadId, Worker, workerData } from 'node:worker_threads'
import { openForAppending, Sink } from '../sink.ts'

export const THREADS = 4
export const LINES = 2500
/** Many lines fit into one write to a pipe, and do not fill it. */
const LENGTH = 150

export function lineOf(thread: string, number: number): string {
  return `${thread} ${number} `.padEnd(LENGTH - 1, 'x')
}

async function start(target: string): Promise<void> {
  const workers = Array.from(
    { length: THREADS },
    () => new Worker(new URL(import.meta.url), { workerData: { target } }),
  )
  const ends = workers.map(worker => once(worker, 'exit'))
  if (target !== '-') {
    await Promise.all(workers.map(worker => once(worker, 'message')))
    process.stdout.write('half\n')
    await once(process.stdin, 'data')
    for (const worker of workers) worker.postMessage('reopen')
  }
  await Promise.all(ends)
  process.stdout.write('end\n')
  process.stdin.destroy()
}

async function write(target: string): Promise<void> {
  const sink = new Sink(target === '-' ? 1 : target, undefined, undefined, openForAppending, true)
  for (let i = 0; i < LINES; i++) {
    sink.write(`${lineOf(String(threadId), i)}\n`)
    if (i % 100 === 0) await new Promise(resolve => setImmediate(resolve))
    if (i === LINES / 2 && target !== '-') {
      parentPort!.postMessage('half')
      await once(parentPort!, 'message')
      sink.reopen()
    }
  }
  await sink.close(60_000)
}

if (!isMainThread) await write(workerData.target)
else if (process.argv[1] === import.meta.filename) await start(process.argv[2]!)
