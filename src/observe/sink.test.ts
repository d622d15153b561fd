import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Sink } from './sink.ts'

function directory(t: import('node:test').TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'jumak-sink-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

async function untilFile(path: string, content: string): Promise<void> {
  // The pool has its own pace; a file that stays wrong ends the test.
  const deadline = performance.now() + 10_000
  while (performance.now() < deadline) {
    if (readFileSync(path, 'utf8') === content) return
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  assert.equal(readFileSync(path, 'utf8'), content)
}

test('lines arrive in order', async t => {
  const path = join(directory(t), 'log')
  const sink = new Sink(path)
  for (let i = 0; i < 100; i++) sink.write(`${i}\n`)
  await untilFile(path, Array.from({ length: 100 }, (_, i) => `${i}\n`).join(''))
})

test('after a reopen lines go to the new file and none is lost', async t => {
  const path = join(directory(t), 'log')
  const sink = new Sink(path)
  sink.write('old\n')
  await untilFile(path, 'old\n')
  renameSync(path, `${path}.1`)
  sink.reopen()
  sink.write('new\n')
  await untilFile(path, 'new\n')
  assert.equal(readFileSync(`${path}.1`, 'utf8'), 'old\n')
})

test('while lines are written and the file is reopened again and again, each line is in one file, once, and no file stays open', async t => {
  const path = join(directory(t), 'log')
  const sink = new Sink(path)
  const descriptors = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)
  const before = descriptors()
  for (let i = 0; i < 2000; i++) {
    sink.write(`${i}\n`)
    if (i % 100 === 50) {
      renameSync(path, `${path}.${i}`)
      sink.reopen()
    }
    if (i % 7 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  await sink.close(10_000)
  const files = [...Array.from({ length: 20 }, (_, i) => `${path}.${i * 100 + 50}`), path]
  const text = files.map(file => readFileSync(file, 'utf8')).join('')
  assert.equal(text, Array.from({ length: 2000 }, (_, i) => `${i}\n`).join(''))
  assert.equal(descriptors(), before)
})

test('a path that cannot be opened throws, with the path in the message', () => {
  assert.throws(() => new Sink('/nowhere/at/all'), /\/nowhere\/at\/all/)
})

test('the reader of a named pipe may go, and another may come', async t => {
  const path = join(directory(t), 'pipe')
  execFileSync('mkfifo', [path])
  const read = () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const first = read()
  const failing = Promise.withResolvers<Error>()
  const sink = new Sink(path, count => `${count} lost\n`, failing.resolve)
  t.after(() => sink.close(1000))
  sink.write('one\n')
  await untilRead(first, 'one\n')
  closeSync(first)
  sink.write('two\n')
  assert.match((await failing.promise).message, /EPIPE/)
  const second = read()
  sink.write('three\n')
  await untilRead(second, 'three\n1 lost\n')
  closeSync(second)
})

/** Reads from a pipe without waiting. */
async function untilRead(fd: number, content: string): Promise<void> {
  const buffer = Buffer.alloc(1000)
  let text = ''
  for (let i = 0; i < 1000; i++) {
    try {
      text += buffer.toString('utf8', 0, readSync(fd, buffer))
      if (text === content) return
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
    }
    // wait: nobody tells a reader that does not wait in the pipe; bounded above
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  assert.equal(text, content)
}

test('a full disk is reported once', { skip: process.platform !== 'linux' && 'there is no /dev/full' }, async () => {
  const failures: string[] = []
  const { promise: told, resolve: tell } = Promise.withResolvers<void>()
  const sink = new Sink(
    '/dev/full',
    () => '',
    error => {
      failures.push(error.message)
      tell()
    },
  )
  sink.write('one\n')
  await told
  sink.write('two\n')
  await sink.close(1000)
  assert.equal(failures.length, 1)
  assert.match(failures[0]!, /ENOSPC/)
})

test('a line that a full disk cuts is whole when there is room again, and what is behind it is counted', async t => {
  if (process.platform !== 'linux') return t.skip('there is no prlimit')
  const path = join(directory(t), 'log')
  const failures: string[] = []
  const told: number[] = []
  const sink = new Sink(
    path,
    count => {
      told.push(count)
      return ''
    },
    error => failures.push((error as NodeJS.ErrnoException).code!),
  )
  // A limit of a file's size does what a full disk does: as much as there is room for is written, then nothing.
  const limitTo = (size: string) => execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${size}:unlimited`])
  limitTo('25')
  t.after(() => limitTo('unlimited'))
  for (const line of ['first', 'second', 'third']) sink.write(`${line.padEnd(9, '.')}\n`)
  for (const line of ['fourth', 'fifth']) sink.write(`${line}\n`)
  const deadline = performance.now() + 10_000
  while (failures.length === 0 && performance.now() < deadline) await new Promise(resolve => setTimeout(resolve, 1))
  assert.deepEqual(failures, ['EFBIG'])
  limitTo('unlimited')
  sink.write('last\n')
  await untilFile(path, 'first....\nsecond...\nthird....\nlast\n')
  await sink.close(10_000)
  assert.deepEqual(told, [2])
})

test('a stuck reader costs only lines: they are counted, and the count is written', async t => {
  // A socket pair: the writer is non-blocking, as a pipe may be, and the reader reads when it is told to.
  const server = createServer({ pauseOnConnect: true }).listen(join(directory(t), 'socket'))
  await once(server, 'listening')
  const writer = connect(server.address() as string)
  const [reader] = (await once(server, 'connection')) as [Socket]
  t.after(() => {
    writer.destroy()
    reader.destroy()
    server.close()
  })
  const sink = new Sink((writer as unknown as { _handle: { fd: number } })._handle.fd)
  const line = `${'x'.repeat(1023)}\n`
  for (let i = 0; i < 4096; i++) sink.write(line)
  const dropped = new Promise<number>(resolve => {
    let tail = ''
    reader.setEncoding('latin1').on('data', (text: string) => {
      tail = (tail + text).slice(-200_000)
      const match = /log: (\d+) lines dropped/.exec(tail)
      if (match) resolve(Number(match[1]))
    })
  })
  reader.resume()
  const count = await dropped
  assert.ok(count > 1000 && count < 4096, `${count} dropped`)
})

test('a FIFO that nobody reads holds up neither the start nor a reopen, and a later reader gets the lines', async t => {
  const path = join(directory(t), 'fifo')
  execFileSync('mkfifo', [path])
  // In another process: a process that waits for a reader could not be ended from here.
  const module = JSON.stringify(new URL('./sink.ts', import.meta.url).href)
  const script = `const { Sink } = await import(${module})
    const sink = new Sink(process.argv[1])
    sink.write('first\\n')
    await sink.close(10_000)
    sink.reopen()
    process.send('reopened')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  t.after(() => child.kill('SIGKILL'))
  // wait: at most; a program that waits for a reader would never end
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => ['it waited'])])
  clearTimeout(timer)
  assert.equal(message, 'reopened')
  const reader = openSync(path, 'r')
  const buffer = Buffer.alloc(100)
  assert.equal(buffer.toString('latin1', 0, readSync(reader, buffer)), 'first\n')
  closeSync(reader)
})
