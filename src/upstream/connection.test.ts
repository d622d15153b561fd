/** Connections to a real server: what their user hears when the server, or the user itself, does something at the worst moment. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type ConnectionUser, PLAIN, UpstreamConnection } from './connection.ts'
import { http1 } from './protocols/http1.ts'

async function serve(t: TestContext, act: (socket: Socket) => void) {
  const server = createServer(socket => act(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { kind: 'tcp' as const, host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

/** A user that does nothing but what `own` says. */
function user(own: Partial<ConnectionUser>): ConnectionUser {
  const nothing = () => {}
  return {
    onConnected: nothing,
    onInterim: nothing,
    onHead: nothing,
    onBody: nothing,
    onEnd: nothing,
    onSwitch: nothing,
    onTunnel: nothing,
    onNote: nothing,
    onRefused: nothing,
    onDrain: nothing,
    onClosed: nothing,
    onTunnelEnd: nothing,
    ...own,
  }
}

const OWNER = { freed() {}, gone() {}, closed() {} }
const GET = { isHead: false, maySwitch: false }

test('a user that throws at the end of its response hears that the connection is closed', async t => {
  const address = await serve(t, socket => socket.end('HTTP/1.1 204 No Content\r\n\r\n'))
  const reason = await new Promise<string>(resolve => {
    const connection = new UpstreamConnection({ address, host: 'back' }, PLAIN, http1, OWNER)
    connection.socket.ref()
    connection.begin(
      user({
        onEnd: () => {
          throw new Error('our bug')
        },
        onClosed: resolve,
      }),
      GET,
    )
  })
  assert.equal(reason, 'our bug')
})

test('a write that fails first does not hide a response that waits to be read', async t => {
  const address = await serve(t, socket =>
    socket.once('data', () =>
      socket.write('HTTP/1.1 413 C\r\nContent-Length: 0\r\n\r\n', () => socket.resetAndDestroy()),
    ),
  )
  const got: string[] = []
  await new Promise<void>(resolve => {
    const connection = new UpstreamConnection({ address, host: 'back' }, PLAIN, http1, OWNER)
    connection.socket.ref()
    connection.begin(
      user({
        onConnected: () => {
          connection.write('GET / HTTP/1.1\r\n')
          connection.hold()
          // Until the kernel has the reset: each write is one look.
          const more = () => {
            if (connection.socket.writableLength > 0) connection.release()
            else {
              connection.write('X: y\r\n')
              setImmediate(more)
            }
          }
          setImmediate(more)
        },
        onHead: ({ status }) => got.push(String(status)),
        onEnd: () => got.push('end'),
      }),
      GET,
    )
    connection.socket.on('close', () => resolve())
  })
  assert.deepEqual(got, ['413', 'end'])
})
