/**
 * What servers behind a proxy do wrong, and what a client gets then: of Jumak, and of nginx (1.22) where that differs. nginx believes more of
 * what two readers could understand differently, takes for HTTP/0.9 what begins with no status line, and reads a request whole before it asks.
 */
import type { Socket } from 'node:net'
import { withClient } from './raw-client.ts'
import type { Target } from './target.ts'

/** A status, or `cut`: the response has begun and does not end well. */
export type Outcome = number | 'cut'

export interface Misbehaviour {
  readonly act: (socket: Socket) => void
  readonly ours: Outcome
  /** Not there: as ours. */
  readonly nginxs?: Outcome
  /** Not there: the log names the server. */
  readonly isTold?: false
}

const HEAD = 'HTTP/1.1 200 OK\r\n'
export const OK = `${HEAD}Content-Length: 2\r\n\r\nok`

const says = (text: string) => (socket: Socket) => socket.write(text, 'latin1')
const ends = (text: string) => (socket: Socket) => socket.end(text, 'latin1')

export const MISBEHAVIOURS: Readonly<Record<string, Misbehaviour>> = {
  junk: { act: says('SSH-2.0-x\r\n'), ours: 502, nginxs: 'cut' },
  version: { act: says('HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok'), ours: 502, nginxs: 200 },
  status: { act: says('HTTP/1.1 99 X\r\nContent-Length: 2\r\n\r\nok'), ours: 502, nginxs: 'cut' },
  lengths: { act: says(`${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`), ours: 502, nginxs: 200 },
  both: {
    act: says(`${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
    ours: 502,
    nginxs: 200,
  },
  negative: { act: says(`${HEAD}Content-Length: -2\r\n\r\nok`), ours: 502, nginxs: 'cut' },
  plus: { act: says(`${HEAD}Content-Length: +2\r\n\r\nok`), ours: 502, nginxs: 'cut' },
  coding: { act: says(`${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`), ours: 502, nginxs: 200 },
  'coded-twice': {
    act: says(`${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
    ours: 502,
    nginxs: 200,
  },
  lf: { act: says('HTTP/1.1 200 OK\nContent-Length: 2\n\nok'), ours: 502, nginxs: 200 },
  folded: { act: says(`${HEAD}A: b\r\n c\r\n\r\n`), ours: 502 },
  blank: { act: says(`${HEAD}Content-Length : 2\r\n\r\nok`), ours: 502 },
  nul: { act: says(`${HEAD}A: b\0c\r\nContent-Length: 2\r\n\r\nok`), ours: 502 },
  endless: { act: says(`${HEAD}${'A: b\r\n'.repeat(200_000)}`), ours: 502 },
  fields: { act: says(`${HEAD}${'A: b\r\n'.repeat(1000)}Content-Length: 2\r\n\r\nok`), ours: 502 },
  interims: { act: says('HTTP/1.1 102 Processing\r\n\r\n'.repeat(100)), ours: 502, nginxs: 'cut' },
  switching: {
    act: says('HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
    ours: 502,
    nginxs: 'cut',
  },
  closes: { act: socket => socket.destroy(), ours: 502 },
  'half-head': { act: ends(`${HEAD}Cont`), ours: 502 },
  half: { act: ends(`${HEAD}Content-Length: 5\r\n\r\nhel`), ours: 'cut' },
  'half-chunks': { act: ends(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`), ours: 'cut' },
  'bad-chunk': { act: says(`${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nxx\r\n`), ours: 'cut' },
  'huge-chunk': { act: says(`${HEAD}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nok`), ours: 'cut' },
  trailers: {
    act: says(
      `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\n\r\n`,
    ),
    ours: 200,
    isTold: false,
  },
  silent: { act: () => {}, ours: 504 },
  slow: { act: dripping, ours: 504 },
  stalls: { act: says(`${HEAD}Content-Length: 5\r\n\r\nhel`), ours: 'cut' },
  behind: { act: says(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`), ours: 200, isTold: false },
  head: { act: says(`${HEAD}Content-Length: 2\r\n\r\nevil`), ours: 200, isTold: false },
  'no-content': { act: says('HTTP/1.1 204 No Content\r\n\r\nevil'), ours: 204, isTold: false },
  early: { act: says(OK), ours: 200, nginxs: 'cut', isTold: false },
}

/** What a client gets of a proxy at `target` that passes `/raw/` on to such a server. */
export async function askBroken(target: Target, name: string): Promise<{ outcome: Outcome; text: string }> {
  const method = name === 'early' ? 'POST' : name === 'head' ? 'HEAD' : 'GET'
  const length = name === 'early' ? 'Content-Length: 1000000\r\n' : ''
  try {
    const { status, body } = await withClient(target, client =>
      client.send(`${method} /raw/${name} HTTP/1.1\r\nHost: a\r\n${length}\r\n`).response(method),
    )
    return { outcome: status, text: body.toString() }
  } catch {
    return { outcome: 'cut', text: '' }
  }
}

/** A byte at a time: the head never ends within its time. */
function dripping(socket: Socket): void {
  const text = `${HEAD}Content-Length: 2\r\n\r\nok`
  let at = 0
  const timer = setInterval(() => socket.write(text[at++ % text.length]!), 100)
  socket.on('close', () => clearInterval(timer))
}
