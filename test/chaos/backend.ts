/** A server behind the program, in the process of the scenario: it answers, dies, is replaced and comes back as the scenario says. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A server that answers as the application of the chaos scenarios does. */
export class Backend {
  readonly host: string
  readonly port: number
  answered = 0
  #server: Server | NetServer
  #answer: ((response: ServerResponse) => void) | null = null
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    const { address, port } = server.address() as AddressInfo
    this.host = address
    this.port = port
    this.#server = server
  }

  /** `port`: 0 for any. */
  static async start(host = '127.0.0.1', port = 0): Promise<Backend> {
    const server = createServer()
    server.listen(port, host)
    await once(server, 'listening')
    const backend = new Backend(server)
    backend.#serve(server)
    return backend
  }

  #serve(server: Server): void {
    this.#track(server)
    server.on('request', (_, response) => {
      if (this.#answer === null) this.answerAsUsual(response)
      else this.#answer(response)
    })
  }

  answerAsUsual(response: ServerResponse): void {
    const { req: request } = response
    request.resume()
    this.answered++
    const [, kind, id] = request.url!.split(/[/?]/)
    response.end(`${kind} ${id}`)
  }

  #track(server: NetServer): void {
    server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {})
    })
  }

  /** It is to read the content of a request, too, where there is one. */
  answerWith(answer: (response: ServerResponse) => void): void {
    this.#answer = answer
  }

  /** By a server that speaks no HTTP. */
  async replaceBy(act: (socket: Socket) => void): Promise<void> {
    await this.stop()
    const server = createNetServer(act)
    this.#track(server)
    await this.#listen(server)
  }

  async startAgain(): Promise<void> {
    const server = createServer()
    this.#serve(server)
    await this.#listen(server)
  }

  async #listen(server: NetServer): Promise<void> {
    this.#server = server
    this.#answer = null
    server.listen(this.port, this.host)
    await once(server, 'listening')
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** `act` with servers behind the program, and the file of its configuration. `configuration`: what it says of their ports. */
export async function withBackends(
  count: number,
  configuration: (ports: readonly number[]) => string,
  act: (file: string, backends: readonly Backend[]) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'chaos-upstreams-'))
  const backends = await Promise.all(Array.from({ length: count }, () => Backend.start()))
  try {
    const file = join(directory, 'sites.toml')
    writeFileSync(file, configuration(backends.map(({ port }) => port)))
    await act(file, backends)
  } finally {
    await Promise.all(backends.map(one => one.stop()))
    rmSync(directory, { recursive: true, force: true })
  }
}

/** A group `back`. `more`: words behind each address. */
export function groupOf(ports: readonly number[], more: string): string {
  return `[[upstream]]\nname = "back"\nservers = [${ports.map(port => `"127.0.0.1:${port} ${more}"`).join(', ')}]\n`
}
