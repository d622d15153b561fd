/** Django over ASGI and Channels, for real: async and sync views, streams, uploads, clients that leave, a chat. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { on, once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { ensureEnvironment, testedPythons } from '../support/environments/environments.ts'
import { APPS } from '../support/paths.ts'
import { getOnce, RawClient } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'

const MIB = 1024 ** 2
const HOST = 'Host: 127.0.0.1'

for (const { version } of await testedPythons()) {
  describe(`Django and Channels over ASGI on Python ${version}`, () => {
    let server: Server
    /** Django does since 5.0. The last version for Python 3.9 is 4.2. */
    const cancelsViews = !version.startsWith('3.9.')

    before(async () => {
      const { python } = await ensureEnvironment({ python: version, packages: 'asgi' })
      const directory = join(APPS, 'django_inn')
      server = await startServer({ app: 'inn.asgi:application', directory, python, args: ['-w', '1'] })
      server.expectLog(/\[crash-1\]/)
      await about('/about/async/')
      await about('/about/sync/')
      server.rememberFds()
    })
    after(() => server.stop())

    // biome-ignore lint/suspicious/noExplicitAny: what the application answers is compared, not typed.
    async function about(path: string): Promise<any> {
      const response = await fetch(server.url + path, { headers: { 'x-soup': 'caf\u00e9' } })
      assert.equal(response.status, 200)
      return response.json()
    }

    test('an async view runs on the loop, a sync one in a thread, and both read the same request', async () => {
      const [one, other] = [await about('/about/async/?a=caf%C3%A9'), await about('/about/sync/?a=caf%C3%A9')]
      assert.deepEqual([one.loop, one.main_thread], [true, true])
      assert.deepEqual([other.loop, other.main_thread], [false, false])
      for (const { type, query, client, host, header } of [one, other]) {
        assert.deepEqual([type, query, client], ['ASGIRequest', { a: 'café' }, '127.0.0.1'])
        assert.deepEqual([host, header], [`127.0.0.1:${server.port}`, 'café'])
      }
    })

    test('a stream is flushed event by event, and closed when its client goes', async () => {
      const client = new RawClient(server.port).get('/events/', HOST)
      await client.readUntil('data: 0\n\n')
      // The view goes on only now, so an event that is held back would never come.
      for (const number of [1, 2]) {
        await fetch(`${server.url}/go/`)
        await client.readUntil(`data: ${number}\n\n`)
      }
      client.close()
      // An older Django notices it when an event cannot be sent. It can still send some before it hears of the end.
      const isOver = () => server.log.some(line => line.includes('the events are over'))
      for (let tries = 0; tries < 100 && !cancelsViews && !isOver(); tries++) await fetch(`${server.url}/go/`)
      await server.waitForLog(/the events are over/)
    })

    if (cancelsViews) {
      test('a view that waits is cancelled when its client goes', async () => {
        const client = new RawClient(server.port).get('/wait/', HOST)
        await server.waitForLog(/ waiting$/)
        client.close()
        await server.waitForLog(/cancelled while waiting/)
      })
    }

    test('an upload arrives whole, with the other fields of its form', async () => {
      const content = randomBytes(5 * MIB)
      const form = new FormData()
      form.set('note', 'fragile')
      form.set('parcel', new File([content], 'kettle.bin'))
      const response = await fetch(`${server.url}/weigh/`, { method: 'POST', body: form })
      assert.deepEqual(await response.json(), {
        name: 'kettle.bin',
        bytes: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
        note: 'fragile',
      })
    })

    test('an exception is a 500, and a traceback in the log that names the request', async () => {
      const response = await getOnce(server.port, '/crash/', HOST, 'X-Request-ID: crash-1')
      assert.equal(response.status, 500)
      await server.waitForLog(/\[crash-1\].*RuntimeError: on purpose/)
    })

    test('two in a room hear each other, and who leaves, with which code', async () => {
      const [mina, jun] = [await enter('hearth', 'Mina'), await enter('hearth', 'Jun')]
      assert.deepEqual(await mina.next(), { kind: 'joins', name: 'Jun' })
      mina.say('Is the soup ready? 🍲')
      const said = { kind: 'says', name: 'Mina', text: 'Is the soup ready? 🍲' }
      assert.deepEqual([await mina.next(), await jun.next()], [said, said])
      jun.socket.close(4002, 'hungry')
      assert.deepEqual(await mina.next(), { kind: 'leaves', name: 'Jun' })
      await server.waitForLog(/Jun left with 4002/)
      const end = once(mina.socket, 'close')
      mina.say('/leave')
      const [code, reason] = await end
      assert.deepEqual([code, reason.toString()], [4004, 'as you asked'])
    })

    test('who is in another room hears nothing of it; a subprotocol is agreed upon', async () => {
      const [mina, jun] = [await enter('kitchen', 'Mina'), await enter('stable', 'Jun', ['soup', 'chat'])]
      assert.equal(jun.socket.protocol, 'chat')
      mina.say('this stays here')
      assert.equal((await mina.next()).text, 'this stays here')
      jun.say('the horse is fed')
      assert.equal((await jun.next()).text, 'the horse is fed')
      for (const { socket } of [mina, jun]) {
        const end = once(socket, 'close')
        socket.close()
        await end
      }
    })

    test('a consumer closes after its accept with its own code, before it with 403', async () => {
      const [code] = await once(connect('full'), 'close')
      assert.equal(code, 4003)
      assert.equal(await refusal(connect('closed')), 403)
    })

    test('another origin is refused by the application: 403', async () => {
      assert.equal(await refusal(connect('hearth', [], 'http://elsewhere.example')), 403)
    })

    function connect(room: string, protocols: string[] = [], origin = server.url): WebSocket {
      return new WebSocket(`ws://127.0.0.1:${server.port}/rooms/${room}/`, protocols, { origin })
    }

    async function refusal(socket: WebSocket): Promise<number> {
      socket.on('error', () => {})
      const [, response] = await once(socket, 'unexpected-response')
      socket.terminate()
      return response.statusCode
    }

    /** In the room when it returns: one's own arrival has been heard. */
    async function enter(room: string, name: string, protocols: string[] = []) {
      const socket = connect(room, protocols)
      // biome-ignore lint/suspicious/noExplicitAny: what the application says is compared, not typed.
      const heard: AsyncIterator<any[]> = on(socket, 'message')
      await once(socket, 'open')
      const next = async () => JSON.parse(String((await heard.next()).value[0]))
      socket.send(JSON.stringify({ join: name }))
      assert.deepEqual(await next(), { kind: 'joins', name })
      return { socket, next, say: (text: string) => socket.send(JSON.stringify({ say: text })) }
    }
  })
}
