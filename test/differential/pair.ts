/** Another server and Jumak as that server: started with the same words, asked with the same requests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { request as requestTls } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ROOT } from '../support/paths.ts'

export interface Program {
  readonly command: string
  readonly words: readonly string[]
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
  /** A line that says where it listens: a port as its first group, or none for a socket. */
  readonly isReady: RegExp
}

export interface Running {
  /** 0: it listens on a socket. */
  readonly port: number
  /** Lines of standard output so far. */
  readonly output: readonly string[]
  /** Resolves when it has ended. */
  readonly stop: () => Promise<void>
}

export async function start({ command, words, directory, env, isReady }: Program): Promise<Running> {
  const child = spawn(command, words, {
    cwd: directory,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output: string[] = []
  createInterface(child.stdout!).on('line', line => output.push(line))
  const said: string[] = []
  let port: number | null = null
  const ended = once(child, 'close')
  const ready = new Promise<void>(resolve => {
    createInterface(child.stderr!).on('line', line => {
      said.push(line)
      const found = isReady.exec(line)
      if (found?.[1] !== undefined) port = Number(found[1])
      else if (found !== null) port ??= 0
      if (found !== null && !/process \d+, on/.test(line)) resolve()
    })
  })
  await Promise.race([ready, ended])
  if (port === null) throw new Error(`${command} ${words.join(' ')} did not start:\n${said.join('\n')}`)
  return { port, output, stop: () => stop(child, ended) }
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM')
  await ended
}

export function jumak(
  program: string,
  words: readonly string[],
  python: string,
): Pick<Program, 'command' | 'words' | 'isReady'> & { env: Record<string, string> } {
  return {
    command: join(ROOT, 'bin/jumak'),
    words: [program, ...words],
    isReady: /process \d+, on http:\/\/[^ ]*:(\d+)|info +master +ready/,
    env: { JUMAK_PYTHON: python, JUMAK_ADMIN_SOCKET: 'off' },
  }
}

export interface Ask {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly content?: string
}

export interface Answer {
  readonly status: number
  /** `name: value`, in lower case, sorted. */
  readonly headers: readonly string[]
  readonly content: string
}

export interface Place {
  /** Of this machine. */
  readonly port: number
  /** A path, in place of the port. */
  readonly socket: string | null
  /** Any certificate will do. */
  readonly isTls?: boolean
}

export async function ask(to: Place, { method = 'GET', path = '/', headers = {}, content = '' }: Ask): Promise<Answer> {
  const where = to.socket === null ? { host: '127.0.0.1', port: to.port } : { socketPath: to.socket }
  const options = { ...where, method, path, headers: { Host: 'shop.test', ...headers }, agent: false }
  const sent = to.isTls ? requestTls({ ...options, rejectUnauthorized: false }) : request(options)
  sent.end(content)
  const [response] = await once(sent, 'response')
  let read = ''
  for await (const chunk of response.setEncoding('utf8')) read += chunk
  const raw: string[] = response.rawHeaders
  const lines = raw.flatMap((name, i) => (i % 2 === 0 ? [`${name.toLowerCase()}: ${raw[i + 1]}`] : []))
  return { status: response.statusCode, headers: lines.toSorted(), content: read }
}
