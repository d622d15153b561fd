/**
 * Faults in threads of the gateway. This file is loaded into the program's own Node processes (`NODE_OPTIONS=--import`), before anything
 * else. In a thread of the gateway it waits for a fault that a test asks for, and tells when the thread comes up and which connections it
 * gets. In the gateway's main thread it makes a thread count as hanging sooner. In all other processes it does nothing.
 *
 * `faults.ts` is the side of the test. Both meet in the directory that the variable names.
 */
import { pbkdf2Sync } from 'node:crypto'
import { appendFileSync, fstatSync, readFileSync, renameSync, watch } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'

interface Message {
  readonly type: string
  readonly fd?: number
}

interface Overridable {
  postMessage: (message: Message, transfer: unknown) => void
  on: (event: string, listener: (message: Message) => void) => unknown
}

const directory = process.env['THREAD_FAULTS_OF_JUMAK_TEST']!
const script = process.argv[1] ?? ''

const hangsAfterMs = Number(process.env['THREAD_HANGS_AFTER_MS_OF_JUMAK_TEST'])

if (isMainThread && /gateway\/main\.[tj]s$/.test(script)) {
  const { WATCHDOG_TIMES } = await import('../../src/gateway/threads/watchdog.ts')
  if (hangsAfterMs > 0) Object.assign(WATCHDOG_TIMES, { hangsAfterMs })
} else if (!isMainThread && /gateway\/threads\/thread\.[tj]s$/.test(script)) {
  const index = String(workerData.index)
  const tell = (what: string) => appendFileSync(join(directory, 'told'), `${what}\n`)
  const port = parentPort! as Overridable
  const { postMessage, on } = port
  port.postMessage = (message, transfer) => {
    postMessage.call(port, message, transfer)
    if (message.type === 'up') tell(`up ${index}`)
  }
  port.on = (event, listener) =>
    on.call(port, event, message => {
      if (message.type === 'connection') tell(`connection ${index} ${fstatSync(message.fd!).ino}`)
      listener(message)
    })
  const look = () => {
    const kind = take(join(directory, `thread-${index}`))
    if (kind !== null) FAULTS[kind as keyof typeof FAULTS]()
  }
  watch(directory, { persistent: false }, look)
}

/** Null: it is not there. Of two threads that look only one gets it. */
function take(file: string): string | null {
  try {
    renameSync(file, `${file}.taken`)
    return readFileSync(`${file}.taken`, 'utf8')
  } catch {
    return null
  }
}

const FAULTS = {
  error: () => {
    setImmediate(() => {
      throw new Error('a fault of the test')
    })
  },
  exit: () => process.exit(7),
  /** Small objects that a list keeps: a large array would abort the process. */
  heap: () => {
    let list: object | null = null
    for (let i = 0; ; i++) list = { list, i }
  },
  hang: function hangsForTheTest() {
    for (let i = 0; i >= 0; ) i = (i + 1) % 1000
  },
  /** One native call, which takes minutes. */
  'hang-natively': () => pbkdf2Sync('', '', 2 ** 31 - 1, 1, 'sha1'),
}
