/** Connections pass from the acceptor to threads and between them: real sockets, real threads. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { open, type Setup, setUp } from './testing/threads.ts'

/** Resolves when the threads have so many connections in all: with the number of each, by index. */
async function untilOpen({ acceptor }: Setup, count: number): Promise<number[]> {
  for (;;) {
    const { connections } = acceptor
    const each = [...connections.keys()].sort().map(index => connections.get(index)!)
    if (each.reduce((sum, one) => sum + one, 0) === count) return each
    await new Promise(resolve => setImmediate(resolve))
  }
}

async function threadOf(client: Awaited<ReturnType<typeof open>>): Promise<number> {
  return JSON.parse(await client.get('/')).thread
}

test('connections are shared out evenly, closes are counted, and addresses are those of the client', async t => {
  const setup = await setUp(t)
  await Promise.all([setup.start(0), setup.start(1)])
  const clients = await Promise.all(Array.from({ length: 8 }, () => open(setup)))
  const told = await Promise.all(clients.map(async client => JSON.parse(await client.get('/'))))
  assert.equal(told.filter(({ thread }) => thread === 0).length, 4)
  const { localPort, remotePort } = clients[0]!.socket
  assert.deepEqual(told[0].peer, { address: '127.0.0.1', port: localPort, socketAddress: '127.0.0.1' })
  assert.deepEqual(told[0].local, { address: '127.0.0.1', port: remotePort, tls: null })
  for (const [i, client] of clients.entries()) if (told[i].thread === 0) client.socket.destroy()
  assert.deepEqual(await untilOpen(setup, 4), [0, 4])
  // The thread that has fewer gets the next ones.
  const next = await Promise.all(Array.from({ length: 4 }, () => open(setup)))
  assert.deepEqual(await Promise.all(next.map(threadOf)), [0, 0, 0, 0])
  for (const client of [...clients, ...next]) client.socket.destroy()
})

test('Unix sockets are handed over too', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-hand-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const unixPath = join(directory, 'socket')
  const setup = await setUp(t, { unixPath })
  await setup.start(0)
  const client = await open(setup)
  const { local, peer } = JSON.parse(await client.get('/'))
  assert.deepEqual([local.address, peer.address], [unixPath, ''])
  client.socket.destroy()
  await untilOpen(setup, 0)
})

test('what was sent before a thread was there is answered: whole, half-closed and reset connections', async t => {
  const setup = await setUp(t)
  const [whole, half, reset] = await Promise.all([open(setup), open(setup), open(setup)])
  half.socket.end('GET / HTTP/1.1\r\nHost: here\r\n\r\n')
  reset.socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n')
  reset.socket.resetAndDestroy()
  const answer = threadOf(whole)
  await setup.start(0)
  assert.equal(await answer, 0)
  await half.ended
  assert.match(half.text, /^HTTP\/1.1 200 .*"thread":0/s)
  whole.socket.destroy()
  await untilOpen(setup, 0)
})

test('what no thread can take any more is closed at the end', async t => {
  const setup = await setUp(t)
  const accepted = once(setup.server, 'connection')
  const waiting = await open(setup)
  await accepted
  setup.acceptor.close()
  const late = await open(setup)
  await Promise.all([waiting.ended, late.ended])
})

test('the limit on connections holds over all threads, and a refused client is told', async t => {
  const setup = await setUp(t, { limits: { connections: 4, connectionsPerAddress: 0 } })
  await Promise.all([setup.start(0), setup.start(1)])
  const clients = await Promise.all(Array.from({ length: 4 }, () => open(setup)))
  await Promise.all(clients.map(threadOf))
  const refused = await open(setup)
  await refused.ended
  assert.match(refused.text, /^HTTP\/1.1 503 .*Too many connections$/s)
  assert.deepEqual(setup.refused, ['full'])
  for (const one of [clients[0]!, clients[1]!]) one.socket.destroy()
  await untilOpen(setup, 2)
  assert.equal(typeof (await threadOf(await open(setup))), 'number')
})

test('the limit for one address holds over all threads, and a proxy is exempt', async t => {
  const limits = { connectionsPerAddress: 2 }
  const setup = await setUp(t, { limits })
  await Promise.all([setup.start(0), setup.start(1)])
  const clients = await Promise.all([open(setup), open(setup)])
  await Promise.all(clients.map(threadOf))
  const refused = await open(setup)
  await refused.ended
  assert.deepEqual(setup.refused, ['127.0.0.1'])

  const exempt = await setUp(t, { limits, isExempt: address => address === '127.0.0.1' })
  await exempt.start(0)
  const many = await Promise.all([open(exempt), open(exempt), open(exempt)])
  assert.deepEqual(await Promise.all(many.map(threadOf)), [0, 0, 0])
})

test('without a free descriptor a connection is closed, the log is told, and nothing is counted', async t => {
  let isFull = true
  const { dup } = await import('./descriptor-calls.ts').then(({ descriptorCalls }) => descriptorCalls())
  const setup = await setUp(t, { dup: fd => (isFull ? -1 : dup(fd)), limits: { connections: 1 } })
  await setup.start(0)
  const closed = await open(setup)
  await closed.ended
  assert.match(setup.errors.join(), /^accept EMFILE/)
  isFull = false
  assert.equal(await threadOf(await open(setup)), 0)
})

test('a thread that dies: what it has taken is cut, what it has not taken goes to another', async t => {
  const setup = await setUp(t)
  const first = await setup.start(0)
  const exit = new Promise(resolve => first.on('exit', resolve))
  const cut = await open(setup)
  assert.equal(await threadOf(cut), 0)
  cut.socket.write('GET /throw HTTP/1.1\r\nHost: here\r\n\r\n')
  await exit
  await cut.ended
  // The main thread does not know of the death yet.
  const waiting = await open(setup)
  const answer = threadOf(waiting)
  while (setup.posted.length < 2) await new Promise(resolve => setImmediate(resolve))
  assert.equal(setup.acceptor.died(0), 1)
  await setup.start(0)
  assert.equal(await answer, 0)
  assert.deepEqual(await untilOpen(setup, 1), [1])
  waiting.socket.destroy()
  assert.deepEqual(await untilOpen(setup, 0), [0])
})

for (const how of ['an error', 'terminate']) {
  test(`a response that ends with the connection is reset when ${how} ends its thread`, async t => {
    const setup = await setUp(t)
    const thread = await setup.start(0)
    const client = await open(setup)
    client.socket.write('GET /begin HTTP/1.0\r\n\r\n')
    while (!client.text.includes('the first half')) await once(client.socket, 'data')
    if (how === 'terminate') void thread.terminate()
    else (await open(setup)).socket.write('GET /throw HTTP/1.1\r\nHost: here\r\n\r\n')
    await client.closed
    assert.equal(client.error, 'ECONNRESET')
  })
}

test('a response that ends with the connection arrives whole, with an orderly end', async t => {
  const setup = await setUp(t)
  await setup.start(0)
  const client = await open(setup)
  client.socket.write('GET /whole HTTP/1.0\r\n\r\n')
  await client.ended
  client.socket.end()
  await client.closed
  assert.deepEqual([client.error, client.text.split('\r\n\r\n')[1]!.length], ['', 4_000_000])
  await untilOpen(setup, 0)
})

test('a thread gives connections away between two requests, and clients notice nothing', async t => {
  const setup = await setUp(t)
  const [busy] = await Promise.all([setup.start(0), setup.start(1)])
  const clients = await Promise.all(Array.from({ length: 4 }, () => open(setup)))
  const threads = await Promise.all(clients.map(threadOf))
  const [idle, running] = clients.filter((_, i) => threads[i] === 0)
  // One is between two requests, one waits for its answer, and one has sent half of a request.
  const later = running!.get('/later')
  await once(busy!, 'message')
  busy!.postMessage({ type: 'give', share: 1, to: 1 })
  while ((await threadOf(idle!)) === 0);
  assert.equal(await threadOf(idle!), 1)
  busy!.postMessage('answer')
  assert.equal(await later, 'later')
  while ((await threadOf(running!)) === 0);
  assert.deepEqual(await untilOpen(setup, 4), [0, 4])
  for (const client of clients) client.socket.destroy()
  assert.deepEqual(await untilOpen(setup, 0), [0, 0])
})

test('a connection with a part of the next request stays', async t => {
  const setup = await setUp(t)
  const thread = await setup.start(0)
  const given: unknown[] = []
  thread.on('message', message => given.push(message))
  const [client, other] = [await open(setup), await open(setup)]
  await threadOf(client)
  client.socket.write('GET / HTTP/1.1\r\nHo')
  // The thread has read the half request when it answers on the other connection: it came before.
  await threadOf(other)
  thread.postMessage({ type: 'give', share: 0.9, to: 0 })
  await threadOf(other)
  client.text = ''
  client.socket.write('st: here\r\n\r\n')
  while (!client.text.includes('"local"')) await once(client.socket, 'data')
  for (const message of given) assert.equal((message as { index: number }).index, 1)
})

test('a thread that is busier than the others gives connections away by itself', async t => {
  const setup = await setUp(t, { balanceMs: 50 })
  await Promise.all([setup.start(0), setup.start(1)])
  const clients = await Promise.all(Array.from({ length: 8 }, () => open(setup)))
  const threads = await Promise.all(clients.map(threadOf))
  const busy = clients.filter((_, i) => threads[i] === threads[0])
  const until = Promise.withResolvers<void>()
  let isOver = false
  const all = busy.map(async client => {
    while (!isOver) if (Number(await client.get('/work')) !== threads[0]) until.resolve()
  })
  await until.promise
  isOver = true
  await Promise.all(all)
})
