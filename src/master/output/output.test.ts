import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_LOG_LINE, Outputs, openOutput, readLines } from './output.ts'

async function linesOf(chunks: readonly Buffer[]): Promise<string[]> {
  const stream = new PassThrough()
  const lines: string[] = []
  readLines(stream, line => lines.push(line))
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  await once(stream, 'close')
  return lines
}

test('lines end in LF or CRLF, an empty line is a line, the last one needs no line break, bad UTF-8 is replaced', async () => {
  const bytes = Buffer.concat([Buffer.from('one\r\n\ntwo\n'), Buffer.from([0xff, 0x0a]), Buffer.from('last')])
  assert.deepEqual(await linesOf([bytes]), ['one', '', 'two', '\ufffd', 'last'])
})

test('the lines are the same wherever the bytes are cut', async () => {
  const text = ['short', 'größe \u{1F40E}', 'x'.repeat(MAX_LOG_LINE - 1) + 'é'.repeat(40), '', 'end'].join('\n')
  const bytes = Buffer.from(text)
  const whole = await linesOf([bytes])
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 10 }), async cuts => {
      const ends = [...cuts.sort((a, b) => a - b), bytes.length]
      assert.deepEqual(await linesOf(ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))), whole)
    }),
    { numRuns: 50 },
  )
})

test('a line that is too long goes on in the next one, cut between characters, and nothing is lost', async () => {
  const text = 'é'.repeat(MAX_LOG_LINE)
  const lines = await linesOf([Buffer.from(`a${text}\n`)])
  assert.ok(lines.length > 1)
  for (const line of lines) assert.ok(Buffer.byteLength(line) <= MAX_LOG_LINE + 8)
  assert.equal(lines.map(line => line.replace(/ …$/, '')).join(''), `a${text}`)
})

test('bytes that are no UTF-8 at all are still cut', async () => {
  const lines = await linesOf([Buffer.alloc(3 * MAX_LOG_LINE, 0x80)])
  assert.ok(lines.length >= 3)
})

test('a FIFO is read until the last writer has gone, and then its name is removed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'jt-'))
  const path = join(directory, 'w1.out')
  execFileSync('mkfifo', [path])
  const keeper = openSync(path, 'r+')
  const stream = openOutput(path, null)
  const lines: string[] = []
  const outputs = new Outputs()
  outputs.read(stream, line => lines.push(line))
  const writer = openSync(path, 'w')
  writeSync(writer, 'from the worker\nunfinished')
  closeSync(writer)
  closeSync(keeper)
  await once(stream, 'close')
  assert.deepEqual(lines, ['from the worker', 'unfinished'])
  await outputs.finish(1000)
  assert.ok(!existsSync(path))
  rmSync(directory, { recursive: true })
})

test('a path that is no FIFO is refused', () => {
  const directory = mkdtempSync(join(tmpdir(), 'jt-'))
  writeFileSync(join(directory, 'file'), 'text')
  assert.throws(() => openOutput(join(directory, 'file'), null), /is no FIFO/)
  assert.throws(() => openOutput(join(directory, 'none'), null), /cannot open/)
  // A FIFO of another application, whose output would be read twice and under a wrong name.
  execFileSync('mkfifo', [join(directory, 'fifo')])
  symlinkSync(join(directory, 'fifo'), join(directory, 'link'))
  assert.throws(() => openOutput(join(directory, 'link'), null), /cannot open .*ELOOP/)
  rmSync(directory, { recursive: true })
})

test('the wait for the last output ends even when a writer stays', async () => {
  const outputs = new Outputs()
  const stream = new PassThrough()
  outputs.read(stream, () => {})
  await outputs.finish(10)
  assert.ok(stream.destroyed)
})
