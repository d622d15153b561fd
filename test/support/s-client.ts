/** OpenSSL's own client, `openssl s_client`: what it has agreed on with the program, and what it was answered. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Agreed {
  /** `TLSv1.3`; empty: no handshake. */
  readonly protocol: string
  readonly cipher: string
  readonly isResumed: boolean
  /** Of the server's certificate, as in `CN = localhost`. */
  readonly subject: string
  /** The key that has signed the handshake: `ECDSA`, `RSA-PSS`. A resumed handshake has none. */
  readonly signature: string
  /** Of the response; 0: there is none. */
  readonly status: number
  /** Of the response, as Content-Length has it. */
  readonly body: string
  /** All that it has printed. The response may stand within another line: OpenSSL does not buffer it, but the rest. */
  readonly text: string
}

/** Sends `request` if it is not empty, reads the answer to its end, and ends. `args`: as in `-servername shop.example`. */
export async function openssl(port: number, args: readonly string[], request = ''): Promise<Agreed> {
  const wait = request === '' ? [] : ['-ign_eof']
  const client = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...wait, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [client.stdout, client.stderr]) stream.setEncoding('utf8').on('data', data => (text += data))
  // It may end before it has read all.
  client.stdin.on('error', () => {})
  client.stdin.end(request)
  // wait: at most; a client that hangs fails the test
  const timer = setTimeout(() => client.kill('SIGKILL'), 30_000)
  const [, signal] = await once(client, 'close')
  clearTimeout(timer)
  if (signal !== null) throw new Error(`openssl s_client ${args.join(' ')} does not end:\n${text}`)
  const [, how = '', protocol = '', cipher = ''] = /^(New|Reused), (TLSv[\d.]+), Cipher is (\S+)$/m.exec(text) ?? []
  const find = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? ''
  return {
    protocol,
    cipher,
    isResumed: how === 'Reused',
    subject: find(/^subject=(.*)$/m),
    signature: find(/^Peer signature type: (.*)$/m),
    ...responseIn(text),
    text,
  }
}

function responseIn(text: string): Pick<Agreed, 'status' | 'body'> {
  const [all, status] = /HTTP\/1\.1 (\d{3}) (?:[^\r]*\r\n)+?\r\n/.exec(text) ?? ['', '0']
  const length = Number(/\r\nContent-Length: (\d+)\r\n/.exec(all)?.[1] ?? 0)
  const start = text.indexOf(all) + all.length
  return { status: Number(status), body: text.slice(start, start + length) }
}

/** For `openssl`: the answer ends with the connection. */
export function requestFor(path: string, host: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
}
