import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect } from 'node:tls'
import fc from 'fast-check'
import { ClientHello, type HelloVerdict, MAX_HELLO, MAX_RECORDS } from './client-hello.ts'

interface Result {
  readonly verdict: HelloVerdict
  readonly serverName: string
  readonly keyName: string | undefined
  readonly reason: string
}

/** Cuts after each of these lengths; what is left comes last. */
function read(bytes: Buffer, cuts: readonly number[] = []): Result {
  const hello = new ClientHello()
  let verdict: HelloVerdict = 'more'
  let at = 0
  for (const length of [...cuts, bytes.length]) {
    const chunk = Buffer.from(bytes.subarray(at, at + length))
    at += length
    if (verdict === 'more') verdict = hello.push(chunk)
    else assert.equal(hello.push(chunk), verdict, 'a verdict stays')
    // Its owner writes over it.
    chunk.fill(0xee)
  }
  assert.deepEqual(hello.bytes, bytes, 'all bytes come back')
  return {
    verdict,
    serverName: hello.serverName,
    keyName: hello.ticketKeyName?.toString('latin1'),
    reason: hello.reason,
  }
}

const u16 = (value: number) => Buffer.from([value >> 8, value & 255])
const sized = (content: Buffer) => Buffer.concat([u16(content.length), content])
const extension = (type: number, data: Buffer) => Buffer.concat([u16(type), sized(data)])
const named = (name: string, type = 0) =>
  extension(0, sized(Buffer.concat([Buffer.from([type]), sized(Buffer.from(name, 'latin1'))])))
const ticket = (text: string) => extension(35, Buffer.from(text))
const preShared = (...identities: string[]) =>
  extension(
    41,
    Buffer.concat([
      sized(Buffer.concat(identities.map(one => Buffer.concat([sized(Buffer.from(one)), Buffer.alloc(4)])))),
      sized(Buffer.alloc(33, 32)),
    ]),
  )

function message(...extensions: Buffer[]): Buffer {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([4, 1, 2, 3, 4]),
    sized(Buffer.from([0x13, 1, 0x13, 2])),
    Buffer.from([1, 0]),
    ...(extensions.length === 0 ? [] : [sized(Buffer.concat(extensions))]),
  ])
  return Buffer.concat([Buffer.from([1, body.length >> 16, (body.length >> 8) & 255, body.length & 255]), body])
}

/** In records of so many bytes. */
function records(handshake: Buffer, length = 16384): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < handshake.length; at += length)
    parts.push(Buffer.from([22, 3, 1]), sized(handshake.subarray(at, at + length)))
  return Buffer.concat(parts)
}

const hello = (...extensions: Buffer[]) => records(message(...extensions))
const KEY = 'sixteen bytes ..'

describe('ClientHellos of real clients', () => {
  const received: Buffer[] = []
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    // A ClientHello of these clients fits into the first read of loopback.
    socket.once('data', (data: Buffer) => {
      received.push(data)
      socket.destroy()
    })
  })
  let port = 0
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  after(() => server.close())

  const run = (command: string, args: readonly string[]) =>
    new Promise<void>(resolve => {
      // Every client fails: the server leaves after the first bytes.
      execFile(command, args, { env: { ...process.env, LC_ALL: 'C' } }, () => resolve()).stdin!.end()
    })
  const python = (name: string) =>
    run('python3', [
      '-c',
      `import socket, ssl; c = ssl._create_unverified_context(); c.wrap_socket(socket.create_connection(("127.0.0.1", ${port})), server_hostname=${name})`,
    ])
  const node = (servername: string) =>
    new Promise<void>(resolve => {
      const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false })
      socket.on('error', () => undefined).on('close', () => resolve())
    })

  const clients: Readonly<Record<string, { readonly run: () => Promise<void>; readonly serverName: string }>> = {
    'OpenSSL, TLS 1.3': {
      run: () => run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'Example.KR']),
      serverName: 'example.kr',
    },
    'OpenSSL, TLS 1.2': {
      run: () =>
        run('openssl', ['s_client', '-tls1_2', '-connect', `127.0.0.1:${port}`, '-servername', 'a.example.kr.']),
      serverName: 'a.example.kr',
    },
    'OpenSSL without a name': {
      run: () => run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-noservername']),
      serverName: '',
    },
    curl: {
      run: () =>
        run('curl', [
          '-ks',
          '--noproxy',
          '*',
          '--resolve',
          `shop.example.kr:${port}:127.0.0.1`,
          `https://shop.example.kr:${port}/`,
        ]),
      serverName: 'shop.example.kr',
    },
    'curl to an address': {
      run: () => run('curl', ['-ks', '--noproxy', '*', `https://127.0.0.1:${port}/`]),
      serverName: '',
    },
    Node: { run: () => node('node.example.kr'), serverName: 'node.example.kr' },
    Python: { run: () => python('"py.example.kr"'), serverName: 'py.example.kr' },
    'Python without a name': { run: () => python('None'), serverName: '' },
  }
  for (const [name, client] of Object.entries(clients))
    test(name, async () => {
      received.length = 0
      await client.run()
      const bytes = received[0]!
      const whole = { verdict: 'complete', serverName: client.serverName, keyName: undefined, reason: '' }
      assert.deepEqual(read(bytes), whole)
      assert.deepEqual(read(bytes, Array(bytes.length).fill(1)), whole, 'one byte at a time')
    })
})

describe('what is read of a ClientHello', () => {
  test('without extensions, as TLS 1.2 allows', () => {
    assert.deepEqual(read(hello()), { verdict: 'complete', serverName: '', keyName: undefined, reason: '' })
  })

  test('a server name is lower case, and has no dot at its end', () => {
    const names = {
      'WWW.Example.KR': 'www.example.kr',
      'example.kr.': 'example.kr',
      localhost: 'localhost',
      'a_b.kr': 'a_b.kr',
    }
    for (const [sent, name] of Object.entries(names)) assert.equal(read(hello(named(sent))).serverName, name)
  })

  test('RFC6066§3: an address, or what is no name of a host, counts as none', () => {
    const others = [
      '',
      '.',
      '127.0.0.1',
      '1',
      '::1',
      '[::1]',
      'a..b',
      'a b',
      'ä.kr',
      '*.kr',
      'a\0.kr',
      'a/b',
      'a:443',
      `${'a'.repeat(64)}.kr`,
    ]
    for (const sent of [...others, 'ab.'.repeat(90)])
      assert.deepEqual(
        read(hello(named(sent))),
        { verdict: 'complete', serverName: '', keyName: undefined, reason: '' },
        sent,
      )
  })

  test('the key of a ticket: of TLS 1.2, and of TLS 1.3, which comes first', () => {
    assert.equal(read(hello(ticket(`${KEY} and the rest`))).keyName, KEY)
    assert.equal(read(hello(preShared(`${KEY}!`, 'another one, which is longer'))).keyName, KEY)
    assert.equal(read(hello(ticket('another one, which is longer'), preShared(KEY))).keyName, KEY)
  })

  test('an empty ticket asks for one, and a short one is nobody’s', () => {
    for (const text of ['', 'short']) {
      assert.equal(read(hello(ticket(text))).keyName, undefined)
      assert.equal(read(hello(preShared(text))).keyName, undefined)
    }
  })

  test('what follows comes back with the rest', () => {
    const bytes = Buffer.concat([
      hello(named('example.kr')),
      Buffer.from([20, 3, 3, 0, 1, 1]),
      Buffer.from('early data'),
    ])
    assert.equal(read(bytes).serverName, 'example.kr')
    const sameRecord = records(Buffer.concat([message(named('example.kr')), Buffer.from([11, 0, 0, 0])]))
    assert.equal(read(sameRecord).serverName, 'example.kr')
  })

  test('any cutting, into chunks and into records, has the same result', () => {
    const contents = fc.record({
      extensions: fc.array(
        fc.oneof(
          fc.constantFrom(named('example.kr'), named('A.B.'), ticket(KEY), preShared(KEY), named('x', 3)),
          fc
            .tuple(fc.integer({ min: 0, max: 65535 }), fc.uint8Array({ maxLength: 300 }))
            .map(([type, data]) => extension(type, Buffer.from(data))),
        ),
        { maxLength: 5 },
      ),
      record: fc.integer({ min: 30, max: 1500 }),
      cuts: fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 40 }),
    })
    fc.assert(
      fc.property(contents, ({ extensions, record, cuts }) => {
        const whole = read(hello(...extensions))
        assert.ok(['complete', 'refused'].includes(whole.verdict))
        assert.deepEqual(read(records(message(...extensions), record), cuts), whole)
      }),
    )
  })
})

describe('what is no ClientHello', () => {
  test('HTTP is told apart when its method has come', () => {
    for (const line of ['GET / HTTP/1.1\r\n', 'M-SEARCH * HTTP/1.1\r\n', 'PRI * HTTP/2.0\r\n']) {
      assert.equal(read(Buffer.from(line)).verdict, 'plain-http')
      assert.equal(read(Buffer.from(line), Array(line.length).fill(1)).verdict, 'plain-http')
    }
    assert.equal(read(Buffer.from('GET')).verdict, 'more')
  })

  const lies = message(named('example.kr'))
  const changed = (at: number, value: number) => {
    const bytes = Buffer.from(lies)
    bytes[at] = value
    return records(bytes)
  }
  const refused: Readonly<Record<string, { readonly bytes: Buffer; readonly reason: RegExp }>> = {
    'another protocol': { bytes: Buffer.from('SSH-2.0-OpenSSH'), reason: /neither TLS nor HTTP/ },
    'a word without an end': { bytes: Buffer.from('A'.repeat(24)), reason: /neither TLS nor HTTP/ },
    'a space': { bytes: Buffer.from(' GET'), reason: /neither TLS nor HTTP/ },
    'SSL 2.0': { bytes: Buffer.from([0x80, 0x2e, 1, 3, 1]), reason: /neither TLS nor HTTP/ },
    'a record of data': { bytes: Buffer.from([23, 3, 3, 0, 1, 0]), reason: /neither TLS nor HTTP/ },
    'a record of data within it': {
      bytes: Buffer.concat([records(lies.subarray(0, 20)), Buffer.from([23])]),
      reason: /no handshake/,
    },
    'a strange version': { bytes: Buffer.from([22, 1]), reason: /version/ },
    'an empty record': { bytes: Buffer.from([22, 3, 1, 0, 0]), reason: /0 bytes/ },
    'a record that is too long': { bytes: Buffer.from([22, 3, 1, 0x40, 1]), reason: /16385 bytes/ },
    'another message': { bytes: records(Buffer.from([2])), reason: /no ClientHello/ },
    'a message that is too long, by its header alone': {
      bytes: records(Buffer.from([1, 1, 0, 0])),
      reason: /65540 bytes/,
    },
    'one byte more than allowed': { bytes: records(Buffer.from([1, 0, 0x3f, 0xfd])), reason: /16385 bytes/ },
    'too many records': { bytes: records(Buffer.concat([lies, lies]).fill(0, 4), 1), reason: /64 records/ },
    'a session id beyond the end': { bytes: changed(4 + 34, 255), reason: /length/ },
    'ciphers beyond the end': { bytes: changed(4 + 39, 255), reason: /length/ },
    'extensions beyond the end': { bytes: changed(4 + 47, 255), reason: /length/ },
    'extensions that end early': { bytes: changed(4 + 48, 3), reason: /length/ },
    'an extension beyond the end': { bytes: changed(4 + 52, 255), reason: /extension/ },
    'an empty message': { bytes: records(Buffer.from([1, 0, 0, 0])), reason: /length/ },
    'a server name beyond the end': {
      bytes: hello(extension(0, Buffer.from([0, 9, 0, 0, 9, 65]))),
      reason: /server name/,
    },
    'a server name of a type that nobody uses': { bytes: hello(named('a', 1)), reason: /server name/ },
    'two server names': { bytes: hello(named('a.kr'), named('b.kr')), reason: /two server names/ },
    'an identity beyond the end': { bytes: hello(extension(41, Buffer.from([0, 3, 0, 9, 65]))), reason: /pre-shared/ },
  }
  for (const [name, { bytes, reason }] of Object.entries(refused))
    test(name, () => {
      const result = read(bytes)
      assert.equal(result.verdict, 'refused')
      assert.match(result.reason, reason)
      assert.deepEqual(read(bytes, Array(bytes.length).fill(1)), result, 'one byte at a time')
    })

  test('the largest ClientHello that is allowed', () => {
    const empty = message(named('example.kr'), extension(21, Buffer.alloc(0)))
    const largest = message(named('example.kr'), extension(21, Buffer.alloc(MAX_HELLO - empty.length)))
    assert.equal(largest.length, MAX_HELLO)
    assert.equal(read(records(largest)).serverName, 'example.kr')
    assert.equal(read(records(largest, MAX_HELLO / MAX_RECORDS)).serverName, 'example.kr')
    assert.equal(read(records(largest, MAX_HELLO / MAX_RECORDS - 1)).verdict, 'refused')
  })

  test('any bytes: nothing throws, and cutting them changes nothing', () => {
    const starts = fc.constantFrom(
      Buffer.alloc(0),
      hello().subarray(0, 9),
      hello(named('a.kr')).subarray(0, 60),
      Buffer.from('GET'),
    )
    const inputs = fc.tuple(
      starts,
      fc.uint8Array({ maxLength: 400 }),
      fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 20 }),
    )
    fc.assert(
      fc.property(inputs, ([start, rest, cuts]) => {
        const bytes = Buffer.concat([start, rest])
        assert.deepEqual(read(bytes, cuts), read(bytes))
      }),
      { numRuns: 1000 },
    )
  })

  test('one byte at a time costs linear work: each byte is copied a constant number of times', t => {
    const bytes = records(message(extension(21, Buffer.alloc(MAX_HELLO - 60)))).subarray(0, -1)
    let sum = 0
    const copy = Buffer.prototype.copy
    t.mock.method(Buffer.prototype, 'copy', function (this: Buffer, ...args: Parameters<typeof copy>) {
      const size = copy.apply(this, args)
      sum += size
      return size
    })
    assert.equal(read(bytes, Array(bytes.length).fill(1)).verdict, 'more')
    assert.ok(sum <= 4 * bytes.length, `${sum} bytes for ${bytes.length}`)
  })
})
