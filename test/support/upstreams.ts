/** Servers behind the program: one that says what reached it, and one that misbehaves as a test says. In the test's process. */
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer, type ServerOptions as HttpsOptions } from 'node:https'
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net'

/** What reached a server. */
export interface Reached {
  readonly server: string
  readonly method: string
  readonly url: string
  /** `[name, value, …]` */
  readonly headers: readonly string[]
  readonly body: string
}

export interface Backend {
  readonly port: number
  /** Connections that it has accepted. */
  accepted: number
  close(): Promise<void>
}

function listen(server: NetServer, sockets: Set<Socket>, port: number): Promise<Backend> {
  const backend = {
    port: 0,
    accepted: 0,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  server.on('connection', socket => {
    backend.accepted++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
  })
  server.listen(port, '127.0.0.1')
  return once(server, 'listening').then(() => {
    backend.port = (server.address() as AddressInfo).port
    return backend
  })
}

/** `own`: answers some requests in another way; false: the usual one. `port`: 0 for any. `tls`: null for plain HTTP. */
export function startEcho(
  name: string,
  own: (request: IncomingMessage, response: ServerResponse) => boolean = () => false,
  port = 0,
  tls: HttpsOptions | null = null,
): Promise<Backend> {
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    if (own(request, response)) return
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', rawHeaders } = request
      const reached: Reached = {
        server: name,
        method,
        url,
        headers: rawHeaders,
        body: Buffer.concat(chunks).toString(),
      }
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify(reached))
    })
  }
  const server = tls === null ? createHttpServer(answer) : createHttpsServer(tls, answer)
  // The program decides when an idle connection goes.
  server.keepAliveTimeout = 60_000
  return listen(server, new Set(), port)
}

/** Answers with bytes as they are. `answers`: by the last part of the path; each gets the socket and the request as it came. */
export function startRaw(
  answers: Readonly<Record<string, (socket: Socket, request: string) => void>>,
): Promise<Backend> {
  const server = createServer({ allowHalfOpen: true }, socket => {
    let request = ''
    socket.on('data', chunk => {
      request += chunk.toString('latin1')
      const end = request.indexOf('\r\n\r\n')
      if (end < 0) return
      const name = /^\S+ \S*\/([\w-]+)/.exec(request)?.[1] ?? ''
      const whole = request
      request = ''
      answers[name]?.(socket, whole)
    })
    socket.on('end', () => socket.end())
  })
  return listen(server, new Set(), 0)
}

/** Answers of FastCGI, as bytes: `answers` by the last part of SCRIPT_NAME. Each is called when the request is complete. */
export function startSockets(answers: Readonly<Record<string, (socket: Socket) => void>>): Promise<Backend> {
  const server = createServer({ allowHalfOpen: true }, socket => {
    let request = ''
    socket.on('data', chunk => {
      request += chunk.toString('latin1')
      // An empty record of STDIN ends it.
      if (!request.endsWith('\x01\x05\0\x01\0\0\0\0')) return
      const name = /SCRIPT_NAME\/(?:\w+\/)*(\w+)(?=[\x00-\x20])/.exec(request)?.[1] ?? ''
      request = ''
      answers[name]?.(socket)
    })
    socket.on('end', () => socket.end())
  })
  return listen(server, new Set(), 0)
}
