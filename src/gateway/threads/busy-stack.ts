/**
 * The JavaScript stack of a thread that is busy, for the log. Runs in the main thread of the gateway, when a thread hangs.
 *
 * The inspector interrupts a thread wherever its JavaScript is. No port is opened: the session is within the process. The main thread sends
 * `Debugger.pause`, gets the frames, and lets the thread go on: a thread that is paused could not be terminated.
 * A thread within one native call does not answer.
 */
import type { InspectorNotification, NodeWorker } from 'node:inspector'

/** A busy thread answers within some milliseconds. */
const ANSWER_MS = 1000
/** Enough to see which of our functions it is. */
const MOST_FRAMES = 20
/** Numbers of the commands that the thread gets. */
const [ENABLE, PAUSE, RESUME] = [1, 2, 3]

interface Frame {
  readonly functionName: string
  readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number }
}

interface FromWorker {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly scriptId?: string; readonly url?: string; readonly callFrames?: readonly Frame[] }
}

/** `threadId`: of its Worker. One line for each function, the innermost first; empty: it does not answer. Never rejects. */
export async function busyStack(threadId: number, answerMs: number = ANSWER_MS): Promise<string> {
  try {
    return await ask(threadId, answerMs)
  } catch {
    return ''
  }
}

async function ask(threadId: number, answerMs: number): Promise<string> {
  const { Session } = await import('node:inspector')
  const session = new Session()
  session.connect()
  const urls = new Map<string, string>()
  const { promise, resolve } = Promise.withResolvers<string>()
  const timer = setTimeout(resolve, answerMs, '')
  let sessionId = ''
  const send = (id: number, method: string) =>
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id, method }) })

  session.on(
    'NodeWorker.attachedToWorker',
    (attached: InspectorNotification<NodeWorker.AttachedToWorkerEventDataType>) => {
      const { workerInfo } = attached.params
      // The title is all that says which Worker it is.
      if (!workerInfo.title.startsWith(`[worker ${threadId}]`)) return
      sessionId = attached.params.sessionId
      send(ENABLE!, 'Debugger.enable')
      send(PAUSE!, 'Debugger.pause')
    },
  )
  session.on(
    'NodeWorker.receivedMessageFromWorker',
    (received: InspectorNotification<NodeWorker.ReceivedMessageFromWorkerEventDataType>) => {
      if (received.params.sessionId !== sessionId) return
      const { id, method, params } = JSON.parse(received.params.message) as FromWorker
      if (method === 'Debugger.scriptParsed') urls.set(params!.scriptId!, params!.url!)
      else if (method === 'Debugger.paused') {
        clearTimeout(timer)
        stack = describe(params!.callFrames!, urls)
        send(RESUME!, 'Debugger.resume')
      } else if (id === RESUME) resolve(stack)
    },
  )
  let stack = ''
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  const told = await promise
  session.post('NodeWorker.disable')
  session.disconnect()
  return told
}

function describe(frames: readonly Frame[], urls: ReadonlyMap<string, string>): string {
  return frames
    .slice(0, MOST_FRAMES)
    .map(({ functionName, location: { scriptId, lineNumber, columnNumber } }) => {
      const place = `${urls.get(scriptId) ?? ''}:${lineNumber + 1}:${columnNumber + 1}`
      return `    at ${functionName === '' ? place : `${functionName} (${place})`}`
    })
    .join('\n')
}
