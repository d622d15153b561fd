/** Where uvicorn listens. Pure. */
import { idle, type Section, works } from '../option.ts'
import { text, wholeNumber } from '../shapes.ts'
import type { Translation } from '../translation.ts'

const HOST = '127.0.0.1'
const PORT = 8000
const MAX_PORT = 65_535

/** Several of these options make one address. The one that counts least is told that it does nothing, as there. */
function setAddress(to: Translation): void {
  const [uds, fd] = [to.valueOf<string>('uds'), to.valueOf<number>('fd')]
  if (uds !== undefined) to.set('bind', `unix:${to.path(uds)}`)
  else if (fd !== undefined) to.set('bind', `fd://${fd}`)
  else to.set('bind', addressOf(to.valueOf<string>('host') ?? HOST, to.valueOf<number>('port') ?? PORT))
}

function addressOf(host: string, port: number): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Where nothing says where: uvicorn knows no $PORT. */
export const STANDARD_ADDRESS = addressOf(HOST, PORT)

const isBehind = (to: Translation) => to.isGiven('uds') || to.isGiven('fd')

export const BINDING: Section = {
  title: 'Address',
  options: [
    works(
      'host',
      {
        flags: ['--host'],
        shape: text(),
        standard: HOST,
        doc: 'Address to listen on; 0.0.0.0 is all of IPv4, [::] is all.',
      },
      '`--bind`',
      (_host, to) => {
        if (isBehind(to)) to.tell('does nothing beside --uds or --fd, as in uvicorn')
        setAddress(to)
      },
    ),
    works(
      'port',
      { flags: ['--port'], shape: wholeNumber(), standard: `${PORT}`, doc: 'Port to listen on; 0: a free one.' },
      '`--bind`; `$PORT` is not read, as there',
      (port, to) => {
        if (port > MAX_PORT) return to.reject(`must be a port from 0 to ${MAX_PORT}, not ${port}`)
        if (isBehind(to)) to.tell('does nothing beside --uds or --fd, as in uvicorn')
        setAddress(to)
      },
    ),
    works(
      'uds',
      { flags: ['--uds'], shape: text(), doc: 'Unix socket to listen on.' },
      '`--bind unix:PATH`, with permissions 666, as there',
      (_path, to) => setAddress(to),
    ),
    works(
      'fd',
      { flags: ['--fd'], shape: wholeNumber(), doc: 'Inherited socket to listen on, by its descriptor.' },
      '`--bind fd://N`, from 3 on',
      (_fd, to) => {
        if (to.isGiven('uds')) to.tell('does nothing beside --uds, as in uvicorn')
        setAddress(to)
      },
    ),
    idle(
      'backlog',
      {
        flags: ['--backlog'],
        shape: wholeNumber(),
        standard: '2048',
        doc: 'Connections that the kernel keeps waiting.',
      },
      "is not needed: connections are accepted at once, and requests wait in Jumak's queue",
    ),
  ],
}
