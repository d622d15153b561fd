import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameType } from './frames.ts'
import { answer, connect, PLAIN, type Setup, tick } from './testing/connect.ts'
import * as client from './testing/frames.ts'

const MANY = 20_000
const CALM = /^GOAWAY \d+ ENHANCE_YOUR_CALM There are too many /

/** In one read each, until the connection ends. Returns how many it took; MANY: all of them. */
function flood({ transport, client: sender }: Setup, make: (i: number) => Buffer): number {
  for (let i = 0; i < MANY; i++) {
    sender.send(make(i))
    if (transport.calls.includes('end')) return i + 1
  }
  return MANY
}

async function lastWords({ client: sender }: Setup): Promise<string> {
  return (await sender.said()).at(-1) ?? ''
}

/** However slow the machine is. */
const PATIENT = { timeouts: { head: 600_000, body: 600_000, keepAlive: 600_000, send: 600_000 } }
const idOf = (i: number) => 2 * i + 1
const itself = (stream: number) => Buffer.concat([client.uint32(stream), Buffer.of(16)])
const padded = (stream: number, content: string) => client.data(stream, content, false, 255)

/** Each costs us work and brings nothing forward. Stream 1 is open, and has 1 MB of credit in the other direction. */
const FLOODS: Readonly<Record<string, (i: number) => Buffer>> = {
  SETTINGS: () => client.settings(),
  'acknowledged SETTINGS': () => client.SETTINGS_ACK,
  PING: () => client.ping(),
  'answered PING': () => client.ping('pingping', true),
  PRIORITY: () => client.frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(5)),
  PRIORITY_UPDATE: () => client.priorityUpdate(1, 'u=1'),
  'WINDOW_UPDATE of a stream': () => client.windowUpdate(1, 1),
  'WINDOW_UPDATE of the connection': () => client.windowUpdate(0, 1),
  GOAWAY: () => client.goAway(),
  'unknown frames': () => client.frame(99, 0, 0),
  'empty DATA': () => client.data(1, ''),
  'DATA that is all padding': () => padded(1, ''),
  'streams that are reset at once': i => Buffer.concat([client.post(idOf(i + 3)), client.reset(idOf(i + 3))]),
  'resets of a stream that has ended': () => client.reset(3),
  'HEADERS for a stream that we have reset': () => client.trailers(5, [['a', 'b']]),
  'streams above the limit': i => client.post(idOf(i + 3)),
}

/** Ways to make us reset a stream whose request an application has already (CVE-2025-8671). */
const MISTAKES: Readonly<Record<string, (stream: number) => Buffer>> = {
  'a window that overflows': stream => Buffer.concat([client.get(stream), client.windowUpdate(stream, 0x7fff_ffff)]),
  'a window that grows by nothing': stream => Buffer.concat([client.get(stream), client.windowUpdate(stream, 0)]),
  'DATA behind the end': stream => Buffer.concat([client.get(stream), client.data(stream, 'x')]),
  'HEADERS behind the end': stream => Buffer.concat([client.get(stream), client.get(stream)]),
  'a dependency on itself': stream =>
    Buffer.concat([client.get(stream), client.frame(FrameType.PRIORITY, 0, stream, itself(stream))]),
  'too much content': stream =>
    Buffer.concat([client.post(stream, '/', [['content-length', '1']]), client.data(stream, 'xx')]),
  'too little content': stream =>
    Buffer.concat([client.post(stream, '/', [['content-length', '3']]), client.data(stream, 'xx', true)]),
  'trailers that do not end': stream =>
    Buffer.concat([client.post(stream), client.headers(stream, [['a', 'b']], { isLast: false })]),
  'a pseudo-header in trailers': stream =>
    Buffer.concat([client.post(stream), client.trailers(stream, [[':path', '/']])]),
  'content above the window': stream =>
    Buffer.concat([client.post(stream), ...Array.from({ length: 5 }, () => client.data(stream, 'x'.repeat(16_384)))]),
}

for (const [what, make] of Object.entries(FLOODS))
  test(`a flood ends the connection: ${what}`, async () => {
    const setup = connect(({ request, response }) => {
      if (request.path === '/ends') response.respond({ status: 204, reason: '', headers: [] }, Buffer.alloc(0))
    }, PATIENT)
    setup.client.send(client.post(1), client.get(3, '/ends'), client.post(5), client.windowUpdate(5, 0))
    const isRefusal = what === 'streams above the limit'
    assert.ok(flood(setup, make) < (isRefusal ? 2000 : MANY))
    assert.match(await lastWords(setup), CALM)
    setup.transport.leave()
    await Promise.resolve()
    assert.ok(setup.closed().every(times => times === 1))
  })

for (const [what, make] of Object.entries(MISTAKES))
  test(`mistakes that reset streams end the connection: ${what}`, async () => {
    const setup = connect(() => {}, PATIENT)
    const made = flood(setup, i => make(idOf(i)))
    assert.ok(made < 1000, `${made} streams`)
    assert.match(await lastWords(setup), CALM)
    assert.ok(setup.closed().every(times => times === 1))
    assert.equal(setup.memory.used, 0)
  })

test('the same floods end the connection of a client that reads nothing, and little waits for it', async () => {
  for (const make of Object.values(FLOODS)) {
    const setup = connect(() => {}, PATIENT)
    setup.client.send(client.post(1), client.post(3), client.reset(3), client.post(5), client.windowUpdate(5, 0))
    await setup.client.said()
    setup.transport.reading = false
    assert.ok(flood(setup, make) < MANY)
    assert.ok(setup.transport.pendingBytes < 64 * 1024)
  }
})

test('SETTINGS that open and shut the windows of many streams cost as much as a window for each', async () => {
  for (const windows of [
    [1000, 0],
    [1, 2, 3, 4, 5, 6, 7, 8],
  ]) {
    const setup = connect(({ response }) => {
      response.start(PLAIN)
      response.write(Buffer.alloc(10_000))
    })
    setup.client.send(client.settings([client.Setting.INITIAL_WINDOW_SIZE, 0]))
    setup.client.send(...Array.from({ length: 100 }, (_, i) => client.get(idOf(i))))
    let sent = 0
    for (; sent < 200 && !setup.transport.calls.includes('end'); sent++) {
      setup.client.send(client.settings([client.Setting.INITIAL_WINDOW_SIZE, windows[sent % windows.length]!]))
      await tick()
    }
    assert.ok(sent < 40, `${sent} times`)
    assert.match((await setup.client.said()).at(-1)!, /ENHANCE_YOUR_CALM There are too many SETTINGS/)
  }
})

// -- who is honest is not cut

/** Takes a response of `bytes`, and opens both windows whenever `step` have come. Returns what came. */
async function download(bytes: number, step: number): Promise<number> {
  const setup = connect(({ response }) => {
    response.start({ status: 200, reason: '', headers: [] })
    let left = bytes
    const write = () => {
      while (left > 0) {
        const size = Math.min(left, 65_536)
        left -= size
        if (!response.write(Buffer.alloc(size))) return
      }
      response.end()
    }
    response.onDrain(write)
    write()
  })
  setup.client.send(client.settings([client.Setting.INITIAL_WINDOW_SIZE, step]), client.get(1))
  let came = 0
  for (let seen = -1; seen !== came && !setup.transport.calls.includes('end'); ) {
    seen = came
    for (const { type, payload } of await setup.client.frames()) {
      if (type !== FrameType.DATA) continue
      came += payload.length
      if (payload.length > 0)
        setup.client.send(client.windowUpdate(0, payload.length), client.windowUpdate(1, payload.length))
    }
  }
  return came
}

test('a client that enlarges the windows of a hundred downloads as they go on is not cut', async () => {
  const setup = connect(({ response }) => response.respond(PLAIN, Buffer.alloc(500_000)))
  setup.client.send(...Array.from({ length: 100 }, (_, i) => client.get(idOf(i))))
  setup.client.send(client.windowUpdate(0, 100_000_000))
  let came = 0
  for (let window = 100_000; window < 600_000; window += 25_000) {
    setup.client.send(client.settings([client.Setting.INITIAL_WINDOW_SIZE, window]))
    for (const { type, payload } of await setup.client.frames()) if (type === FrameType.DATA) came += payload.length
  }
  assert.equal(came, 50_000_000)
})

test('a large download in small windows is not cut', async () => {
  for (const step of [1024, 2048, 512]) assert.equal(await download(6_000_000, step), 6_000_000)
})

test('a page with many requests that are cancelled now and then is not cut', async () => {
  const setup = connect(exchange => {
    if (exchange.request.path !== '/hold') answer(exchange)
  })
  setup.client.send(client.windowUpdate(0, 1_000_000))
  // A proxy in front: of six requests one is cancelled by its client.
  const made = flood(setup, i =>
    i % 6 === 0 ? Buffer.concat([client.get(idOf(i), '/hold'), client.reset(idOf(i))]) : client.get(idOf(i)),
  )
  assert.equal(made, MANY)
})

test('a browser that opens the window of each stream is not cut', async () => {
  const setup = connect(answer)
  setup.client.send(client.windowUpdate(0, 1_000_000))
  assert.equal(
    flood(setup, i => Buffer.concat([client.get(idOf(i)), client.windowUpdate(idOf(i), 1_000_000)])),
    MANY,
  )
})

test('a page whose two hundred images are cancelled twice at once is not cut', async () => {
  const setup = connect()
  for (let i = 0; i < 400; i += 100) {
    const ids = Array.from({ length: 100 }, (_, k) => idOf(i + k))
    setup.client.send(...ids.map(id => client.get(id)), ...ids.map(id => client.reset(id)))
  }
  assert.ok(!setup.transport.calls.includes('end'))
})

test('a client that opens a thousand streams before it has heard of the limit is not cut', async () => {
  const setup = connect()
  setup.client.send(...Array.from({ length: 1000 }, (_, i) => client.get(idOf(i))))
  const refused = (await setup.client.said()).filter(line => line.endsWith('REFUSED_STREAM'))
  assert.equal(refused.length, 900)
})

test('one that does so with the content of each is not cut either', async () => {
  const setup = connect(() => {}, { http2: { streams: 10 } })
  const ids = Array.from({ length: 500 }, (_, i) => idOf(i))
  setup.client.send(...ids.map(id => client.post(id)))
  setup.client.send(...ids.map(id => client.data(id, 'x', true)))
  const said = await setup.client.said()
  assert.deepEqual([said.length, said.at(-1)], [490, 'RST_STREAM 999 REFUSED_STREAM'])
  assert.equal(setup.exchanges.length, 10)
})
