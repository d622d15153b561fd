/**
 * A server of FastCGI, SCGI or uwsgi that says which variables and which content reached it, read by code of its own: what Jumak writes is not
 * judged by Jumak. In the test's process.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export type Protocol = 'fastcgi' | 'scgi' | 'uwsgi'

export interface ScriptServer {
  readonly port: number
  close(): Promise<void>
}

interface Asked {
  readonly variables: readonly (readonly [string, string])[]
  readonly content: string
}

/** `answer`: the bytes of a response as CGI has it; null: JSON of what reached it. */
export async function startScriptServer(
  protocol: Protocol,
  answer: (target: string) => string | null,
): Promise<ScriptServer> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    let all = ''
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    socket.on('data', chunk => {
      all += chunk.toString('latin1')
      const asked = READERS[protocol](all)
      if (asked === null) return
      all = ''
      const target = asked.variables.find(([name]) => name === 'REQUEST_URI')?.[1] ?? ''
      const told = answer(target) ?? `Content-Type: application/json\r\n\r\n${JSON.stringify(asked)}`
      socket.end(protocol === 'fastcgi' ? records(told) : told, 'latin1')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const byte = (text: string, at: number) => text.charCodeAt(at)

/** Null: not all of the request is there. */
const READERS: Readonly<Record<Protocol, (all: string) => Asked | null>> = {
  fastcgi: all => {
    const streams: Record<number, string> = { 4: '', 5: '' }
    for (let at = 0; at + 8 <= all.length; ) {
      const [kind, length, padding] = [
        byte(all, at + 1),
        byte(all, at + 4) * 256 + byte(all, at + 5),
        byte(all, at + 6),
      ]
      if (at + 8 + length + padding > all.length) return null
      if (kind === 5 && length === 0) return { variables: pairs(streams[4]!), content: streams[5]! }
      streams[kind] += all.slice(at + 8, at + 8 + length)
      at += 8 + length + padding
    }
    return null
  },
  scgi: all => {
    const colon = all.indexOf(':')
    const length = Number(all.slice(0, colon))
    const start = colon + 1 + length + 1
    if (colon < 0 || all.length < start) return null
    const words = all.slice(colon + 1, colon + length).split('\0')
    const variables = words.flatMap((name, i) => (i % 2 === 0 ? [[name, words[i + 1]!] as const] : []))
    return withContent(variables, all.slice(start))
  },
  uwsgi: all => {
    if (all.length < 4) return null
    const length = byte(all, 1) + byte(all, 2) * 256
    if (all.length < 4 + length) return null
    const variables: [string, string][] = []
    let at = 4
    const word = () => {
      const size = byte(all, at) + byte(all, at + 1) * 256
      at += 2 + size
      return all.slice(at - size, at)
    }
    while (at < 4 + length) variables.push([word(), word()])
    return withContent(variables, all.slice(at))
  },
}

function withContent(variables: Asked['variables'], content: string): Asked | null {
  const length = Number(variables.find(([name]) => name === 'CONTENT_LENGTH')?.[1] || '0')
  return content.length < length ? null : { variables, content }
}

function pairs(text: string): [string, string][] {
  const found: [string, string][] = []
  let at = 0
  const size = () => {
    if (byte(text, at) < 128) return byte(text, at++)
    at += 4
    return (
      ((byte(text, at - 4) & 127) << 24) | (byte(text, at - 3) << 16) | (byte(text, at - 2) << 8) | byte(text, at - 1)
    )
  }
  while (at < text.length) {
    const [name, value] = [size(), size()]
    found.push([text.slice(at, at + name), text.slice(at + name, at + name + value)])
    at += name + value
  }
  return found
}

function records(told: string): string {
  const record = (kind: number, content: string) =>
    String.fromCharCode(1, kind, 0, 1, content.length >> 8, content.length & 255, 0, 0) + content
  // Cut where nothing ends, and with a word to the log between.
  const cut = Math.floor(told.length / 2)
  return [
    record(6, told.slice(0, cut)),
    record(7, 'a word of the script\n'),
    record(6, told.slice(cut)),
    record(3, '\0'.repeat(8)),
  ].join('')
}
