/**
 * What clients can make the gateway hold: attacks on its memory in a control group of 512 MB, with the default limits. Each leaves the
 * gateway below 300 MB, others are answered meanwhile, and when the clients have gone its buffers are empty, to the byte.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { constants, deflateRawSync } from 'node:zlib'
import { BINARY, frame } from '../../src/websocket/testing/client.ts'
import { MemoryGroup } from '../support/control-group.ts'
import { APPS, ROOT } from '../support/paths.ts'
import { getOnce } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'

const MIB = 1024 * 1024
const GROUP = 512 * MIB
const BOUND = 300 * MIB
/** 15 MB of nothing in 15 KB. */
const BOMB = deflateRawSync(Buffer.alloc(15_000_000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
/** The gateway needs a while to see that clients have gone from whom it does not read, and to give up their messages. */
const GONE_MS = 60_000

interface Stage {
  readonly server: Server
  /** The most that the gateway had since the start, in bytes. */
  peak(): number
}

/** Skips where no control group may be made. */
async function onStage(t: TestContext, app: string, act: (stage: Stage) => Promise<void>): Promise<void> {
  let group: MemoryGroup
  try {
    group = MemoryGroup.make(GROUP)
  } catch (error) {
    t.skip(`no control group may be made here: ${(error as Error).message}`)
    return
  }
  const directory = mkdtempSync(join(tmpdir(), 'jumak-memory-'))
  try {
    const program = join(directory, 'jumak')
    writeFileSync(program, `#!/bin/sh\necho $$ > ${group.members}\nexec ${ROOT}/bin/jumak "$@"\n`)
    chmodSync(program, 0o755)
    const server = await startServer({ app, directory: APPS, program, args: ['-w', '1', '--log-level', 'debug'] })
    const { pid } = server.gateway()
    await act({ server, peak: () => peakOf(pid) })
    assert.equal(group.kills, 0, 'the kernel killed nobody')
    await server.stop()
  } finally {
    rmSync(directory, { recursive: true })
    await group.remove()
  }
}

/** In bytes. */
function peakOf(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / MIB)} MB`
}

/** What the gateway's buffers hold, as it said last. NaN: it has said nothing yet. */
function held(server: Server): number {
  const line = server.log.findLast(one => /buffers hold \d+ bytes/.test(one))
  return line === undefined ? Number.NaN : Number(/buffers hold (\d+) bytes/.exec(line)![1])
}

async function untilNothingIsHeld(server: Server): Promise<void> {
  await until(
    () => held(server) === 0,
    () => `the buffers still hold ${held(server)} bytes`,
    GONE_MS,
  )
}

async function openSocket(server: Server, path: string): Promise<Socket> {
  const client = connect({ port: server.port, host: '127.0.0.1' })
  client.on('error', () => {})
  const key = 'dGhlIHNhbXBsZSBub25jZQ=='
  const lines = ['Host: a', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13']
  const rest = [`Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Extensions: permessage-deflate']
  client.write(`GET ${path} HTTP/1.1\r\n${[...lines, ...rest].join('\r\n')}\r\n\r\n`)
  const [answer] = (await once(client, 'data')) as [Buffer]
  assert.match(answer.toString('latin1'), /^HTTP\/1.1 101 /)
  return client
}

async function checkOthersAreServed(t: TestContext, server: Server): Promise<void> {
  const begin = performance.now()
  assert.equal((await getOnce(server.port, '/hello')).status, 200)
  t.diagnostic(`another client is answered in ${Math.round(performance.now() - begin)} ms`)
}

function checkPeak(t: TestContext, { peak }: Stage): void {
  t.diagnostic(`the gateway had ${megabytes(peak())} at most`)
  assert.ok(peak() < BOUND, `the gateway had ${megabytes(peak())}`)
}

test('WebSockets with compressed messages that do not end, and to an application that does not receive', async t => {
  await onStage(t, 'greedy:asgi', async stage => {
    const { server } = stage
    const clients: Socket[] = []
    for (let i = 0; i < 150; i++) {
      const client = await openSocket(server, '/')
      client.write(frame(BINARY, BOMB, { rsv: 4, fin: false }))
      clients.push(client)
    }
    for (let i = 0; i < 120; i++) {
      const client = await openSocket(server, '/deaf')
      const whole = frame(BINARY, BOMB, { rsv: 4 })
      client.write(Buffer.concat([whole, whole]))
      clients.push(client)
    }
    await until(
      () => held(server) > 270 * BOMB.length,
      () => `only ${held(server)} bytes are held`,
    )
    await checkOthersAreServed(t, server)
    checkPeak(t, stage)
    for (const client of clients) client.destroy()
    await untilNothingIsHeld(server)
    await getOnce(server.port, '/wake')
  })
})

test('WebSockets with long messages, more than there is memory: the largest are closed with 1013', async t => {
  await onStage(t, 'greedy:asgi', async stage => {
    const { server } = stage
    server.expectLog(/a WebSocket was closed \(1013\): it had \d+\.\d MB in memory.*limit-memory/)
    const message = frame(BINARY, Buffer.alloc(12 * MIB))
    const closed: string[] = []
    const clients: Socket[] = []
    for (let i = 0; i < 24; i++) {
      const client = await openSocket(server, '/deaf')
      // Short frames; a ping may come together with the close.
      client.on('data', (data: Buffer) => {
        for (let [at, end] = [0, 0]; at < data.length; at = end) {
          end = at + 2 + data[at + 1]!
          if (data[at] === 0x88) closed.push(`${data.readUInt16BE(at + 2)} ${data.subarray(at + 4, end)}`)
        }
      })
      client.write(message)
      clients.push(client)
    }
    // The limit is a quarter of the group, 128 MB: ten of these messages fit, and the others must go.
    await until(
      () => closed.length >= 12,
      () => `only ${closed.length} were closed`,
    )
    assert.deepEqual([...new Set(closed)], ['1013 too much waits in memory'])
    await checkOthersAreServed(t, server)
    checkPeak(t, stage)
    for (const client of clients) client.destroy()
    await untilNothingIsHeld(server)
    await getOnce(server.port, '/wake')
  })
})

for (const kind of ['wsgi', 'asgi']) {
  test(`1,500 slow readers of 1.5 MB (${kind}): nobody is cut, and each gets all of it`, async t => {
    await onStage(t, `greedy:${kind}`, async stage => {
      const { server } = stage
      const clients: Socket[] = []
      for (let i = 0; i < 30; i++)
        clients.push(...(await Promise.all(Array.from({ length: 50 }, () => slowReader(server)))))
      await checkOthersAreServed(t, server)
      checkPeak(t, stage)
      assert.ok(clients.every(client => !client.destroyed))
      const some = clients.splice(0, 20)
      assert.deepEqual(new Set(await Promise.all(some.map(readRest))), new Set([1_500_000]))
      for (const client of [...clients, ...some]) client.destroy()
      await untilNothingIsHeld(server)
      checkPeak(t, stage)
    })
  })
}

/** Reads a little, and then no more. */
async function slowReader({ port }: Server): Promise<Socket> {
  const client = connect({ port, host: '127.0.0.1' })
  client.on('error', () => {})
  client.write('GET /big HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(client, 'readable')
  return client
}

/** Bytes of content. */
async function readRest(client: Socket): Promise<number> {
  let bytes = -1
  for (;;) {
    const data = client.read() as Buffer | null
    if (data === null) await once(client, 'readable')
    else if (bytes < 0) bytes = data.length - (data.indexOf('\r\n\r\n') + 4)
    else bytes += data.length
    if (bytes >= 1_500_000) return bytes
  }
}
