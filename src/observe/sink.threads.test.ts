/** Several threads, each with a sink of its own for the same file or pipe. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openForAppending, Sink } from './sink.ts'
import { LINES, lineOf, THREADS } from './testing/writing-threads.ts'

const PROGRAM = new URL('./testing/writing-threads.ts', import.meta.url)

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'jumak-sink-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** In another process, because its threads write to standard output. */
function startThreads(t: TestContext, target: string) {
  const child = spawn(process.execPath, [fileURLToPath(PROGRAM), target], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

/** Each line of each thread is there once, whole, and in order. */
function assertWhole(text: string): void {
  const next = new Map<string, number>()
  const lines = text.split('\n')
  assert.equal(lines.pop(), '')
  for (const line of lines) {
    const [thread, number] = line.split(' ')
    assert.equal(line, lineOf(thread!, Number(number)))
    const expected = next.get(thread!) ?? 0
    assert.equal(Number(number), expected, `of thread ${thread}`)
    next.set(thread!, expected + 1)
  }
  assert.deepEqual([...next.values()], Array(THREADS).fill(LINES))
}

test('lines of several threads stand whole in one pipe, which no thread closes', async t => {
  const child = startThreads(t, '-')
  let text = ''
  child.stdout.setEncoding('latin1').on('data', (data: string) => {
    text += data
    // A reader that takes its time: the pipe is full again and again.
    child.stdout.pause()
    setImmediate(() => child.stdout.resume())
  })
  await once(child.stdout, 'end')
  assert.ok(text.endsWith('end\n'))
  assertWhole(text.slice(0, -'end\n'.length))
})

test('lines of several threads stand whole in one file, and in the next one after all have reopened it', async t => {
  const path = join(directory(t), 'log')
  const child = startThreads(t, path)
  const [half] = (await once(child.stdout, 'data')) as [Buffer]
  assert.equal(half.toString(), 'half\n')
  renameSync(path, `${path}.1`)
  child.stdin.end('\n')
  child.stdout.resume()
  await once(child, 'exit')
  const [before, after] = [readFileSync(`${path}.1`, 'latin1'), readFileSync(path, 'latin1')]
  assert.ok(after.length > 0)
  assertWhole(before + after)
})

test('a pipe that is full has whole lines only, and what is lost then is counted', async t => {
  const path = join(directory(t), 'fifo')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const failing = Promise.withResolvers<Error>()
  const told: number[] = []
  const describe = (count: number) => {
    told.push(count)
    return ''
  }
  const sink = new Sink(path, describe, failing.resolve, openForAppending, true)
  t.after(() => sink.close(0))
  const line = `${'x'.repeat(999)}\n`
  for (let i = 0; i < 200; i++) sink.write(line)
  const buffer = Buffer.alloc(1024 * 1024)
  const more = await fill(path, line)
  const length = readSync(reader, buffer)
  assert.equal(length % 1000, 0, `${length} bytes, a part of a line`)
  assert.ok(length > 32 * 1024)
  closeSync(reader)
  assert.match((await failing.promise).message, /EPIPE/)
  const next = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  sink.write('next\n')
  await sink.close(10_000)
  // The write that is tried again may have come between the reader's last read and its close: the pipe keeps these lines for the next.
  const rest = buffer.toString('latin1', 0, readSync(next, buffer))
  closeSync(next)
  assert.match(rest, /^(x{999}\n)*next\n$/)
  assert.deepEqual(told, [200 + more - (length + rest.length - 'next\n'.length) / 1000])
})

/** Resolves when there is no room in the pipe for one more of these lines, with the number of those that had room. */
async function fill(path: string, line: string): Promise<number> {
  const writer = openForAppending(path)
  let lines = 0
  for (;;) {
    await new Promise(resolve => setImmediate(resolve))
    try {
      writeSync(writer, line)
      lines++
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
      closeSync(writer)
      return lines
    }
  }
}
