/**
 * Asks the running program one question over its admin socket. Runs in the command line.
 *
 * Invariants: every wait has an end, but for an answer: a reload or an upgrade may take its time, and Ctrl-C ends the client only. An
 * answer is checked before it is believed, and has a bound. Where the path was not named by the operator, the one who answers is this user's or root's: in
 * /tmp another user may have made the directory first, and would answer "stopped" while the program runs.
 */
import { lstatSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { dirname } from 'node:path'
import type { AdminSocket } from '../../config/types.ts'
import { ADMIN_VERSION, type AdminAnswer, type AdminQuestion, MAX_ANSWER } from '../../control/admin-messages.ts'
import { readAnswer } from '../../control/admin-shapes.ts'

/** The kernel connects a local socket at once, and the master's event loop is never busy for long. */
const CONNECT_MS = 5000
/** For the answers that need no work. */
const ANSWER_MS = 30_000

export type LastAnswer = Exclude<AdminAnswer, { readonly progress: string }>

export type Asked =
  /** `line`: as it came. */
  | { readonly answer: LastAnswer; readonly line: string }
  /** Nobody listens on any of the paths. `refused`: one that this user may not use. */
  | { readonly absent: true; readonly refused: string | null }
  | { readonly problem: string }

export interface Question {
  readonly question: AdminQuestion
  readonly onProgress: (text: string) => void
}

/** Asks the first of the paths that answers. After `stop` it resolves when the program has ended. */
export async function ask({ paths, isAuto }: AdminSocket, { question, onProgress }: Question): Promise<Asked> {
  let refused: string | null = null
  for (const path of paths) {
    const stranger = isAuto ? strangerIn(dirname(path)) : null
    if (stranger !== null) return { problem: stranger }
    const socket = await open(path)
    if (!(socket instanceof Error)) return converse(socket, question, onProgress)
    const { code } = socket as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM') refused = path
  }
  return { absent: true, refused }
}

/**
 * Who besides this user and root could have put a socket there, as a sentence; null: nobody. Then nobody can do it later either, so there
 * is no moment between this look and the connection.
 */
function strangerIn(directory: string): string | null {
  const found = lstatSync(directory, { throwIfNoEntry: false })
  if (found === undefined) return null
  const advice = `no command is sent to a program there; remove it, or name the socket with --admin-socket`
  if (!found.isDirectory()) return `${directory} is no directory: ${advice}`
  if (found.uid !== 0 && found.uid !== process.geteuid?.()) return `${directory} belongs to another user: ${advice}`
  return (found.mode & 0o022) === 0 ? null : `other users may write to ${directory}: ${advice}`
}

function open(path: string): Promise<Socket | Error> {
  return new Promise(resolve => {
    const socket = connect({ path })
    const timer = setTimeout(() => {
      socket.destroy()
      resolve(new Error('timed out'))
    }, CONNECT_MS)
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve(socket)
    })
    socket.once('error', error => {
      clearTimeout(timer)
      resolve(error)
    })
  })
}

function converse(socket: Socket, question: AdminQuestion, onProgress: (text: string) => void): Promise<Asked> {
  return new Promise(resolve => {
    let last: Asked | null = null
    // A piece of a line that has not ended, joined once.
    let pieces: Buffer[] = []
    let bytes = 0
    const finish = (asked: Asked) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(asked)
    }
    // A reload, an upgrade, and the end of a stop take as long as they take.
    const isQuick = question.command !== 'reload' && question.command !== 'upgrade'
    const timer = setTimeout(
      () => finish({ problem: `the program does not answer within ${ANSWER_MS / 1000} s` }),
      isQuick ? ANSWER_MS : 2 ** 31 - 1,
    )
    if (!isQuick) clearTimeout(timer)
    const takeLine = (line: string) => {
      const read = readAnswer(line)
      if ('problem' in read) return finish({ problem: `the program sent ${read.problem}: is it another version?` })
      const { answer } = read
      if ('progress' in answer) return onProgress(answer.progress)
      last = { answer, line }
      // The program closes the socket at its end.
      if (question.command === 'stop' && answer.ok) clearTimeout(timer)
      else finish(last)
    }
    socket.on('data', (chunk: Buffer) => {
      let start = 0
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        pieces.push(chunk.subarray(start, end))
        start = end + 1
        const line = Buffer.concat(pieces).toString('utf8')
        pieces = []
        bytes = 0
        takeLine(line)
      }
      pieces.push(chunk.subarray(start))
      bytes += chunk.length - start
      if (bytes > MAX_ANSWER) finish({ problem: `the program sent more than ${MAX_ANSWER} bytes` })
    })
    socket.on('error', () => {})
    socket.on('close', () =>
      finish(last ?? { problem: 'the program closed the connection without an answer: it has ended, or is busy' }),
    )
    socket.write(`${JSON.stringify({ jumak: ADMIN_VERSION, ...question })}\n`)
  })
}
