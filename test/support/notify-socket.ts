/** The service manager's end of sd_notify(3): a datagram socket. Node has none, so a Python process holds it, and tells who sent what. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const RECEIVER = `
import json, socket, struct, sys, time
address = sys.argv[1]
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    receiver.bind("\\0" + address[1:] if address[0] == "@" else address)
    print("bound", flush=True)
    while True:
        data, ancillary, _, _ = receiver.recvmsg(4096, 256)
        print(json.dumps([data.decode(), struct.unpack("iII", ancillary[0][2])[0], time.monotonic()]), flush=True)
`

const WAIT_MS = 30_000

export interface Notification {
  readonly lines: readonly string[]
  /** Of the sender, as the kernel says. */
  readonly pid: number
  /** When it came, on the receiver's clock. */
  readonly seconds: number
}

export class NotifySocket {
  readonly received: Notification[] = []
  readonly #process: ChildProcess
  #wake: () => void = () => {}

  private constructor(child: ChildProcess) {
    this.#process = child
  }

  /** `address`: a path, or an abstract one (`@name`). */
  static async bind(address: string): Promise<NotifySocket> {
    const child = spawn('python3', ['-c', RECEIVER, address], { stdio: ['ignore', 'pipe', 'inherit'] })
    const socket = new NotifySocket(child)
    const lines = createInterface(child.stdout!)
    await once(lines, 'line')
    lines.on('line', line => {
      const [text, pid, seconds] = JSON.parse(line)
      socket.received.push({ lines: text.split('\n'), pid, seconds })
      socket.#wake()
    })
    return socket
  }

  /** The first one from index `from` on that has this line. */
  async waitFor(line: string, from = 0): Promise<Notification> {
    const deadline = performance.now() + WAIT_MS
    for (;;) {
      const found = this.received.slice(from).find(({ lines }) => lines.includes(line))
      if (found !== undefined) return found
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`no ${line} in ${JSON.stringify(this.received)}`)
      await new Promise<void>(resolve => {
        // wait: at most; each notification wakes it
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#process, 'close')
    this.#process.kill()
    await closed
  }
}
