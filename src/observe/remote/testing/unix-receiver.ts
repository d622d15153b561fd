/** A server on a Unix socket, as `/dev/log` is. In Python: Node has no Unix datagrams. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface UnixReceiver {
  readonly got: string
  /** Resolves with all that has come, once it matches. */
  until(pattern: RegExp): Promise<string>
  close(): Promise<void>
}

const PROGRAM = `
import os, socket, sys
path, kind = sys.argv[1:]
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if kind == "dgram" else socket.SOCK_STREAM)
server.bind(path)
if kind == "stream":
    server.listen()
os.write(1, b"\\x06")
reader = server.accept()[0] if kind == "stream" else server
while True:
    data = reader.recv(65536)
    os.write(1, data)
    if not data:
        break
`

export async function openUnixReceiver(path: string, kind: 'dgram' | 'stream'): Promise<UnixReceiver> {
  const child = spawn('python3', ['-I', '-S', '-c', PROGRAM, path, kind], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  await once(child.stdout, 'readable')
  child.stdout.read(1)
  let got = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    got += text
  })
  return {
    get got() {
      return got
    },
    async until(pattern) {
      while (!pattern.test(got)) await once(child.stdout, 'data')
      return got
    },
    async close() {
      child.kill()
      await ended
    },
  }
}
