import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
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
  for (let i = 0; i < 500; i++) {
    if (readFileSync(path, 'utf8') === content) return
    await new Promise(resolve => setImmediate(resolve))
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

test('a path that cannot be opened throws, with the path in the message', () => {
  assert.throws(() => new Sink('/nowhere/at/all'), /\/nowhere\/at\/all/)
})

test('a reader that is stuck costs lines, not the program: they are counted and the count is written', async t => {
  // A process that reads nothing until it is told to.
  const reader = spawn(
    process.execPath,
    [
      '-e',
      'process.on("SIGUSR2", () => process.stdin.pipe(process.stdout)); setInterval(() => {}, 1000); console.log("up")',
    ],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  t.after(() => reader.kill('SIGKILL'))
  const output: string[] = []
  reader.stdout.setEncoding('utf8').on('data', text => output.push(text))
  await new Promise(resolve => reader.stdout.once('data', resolve))
  const fd = (reader.stdin as unknown as { _handle: { fd: number } })._handle.fd
  const sink = new Sink(fd)
  const line = `${'x'.repeat(1023)}\n`
  for (let i = 0; i < 4096; i++) sink.write(line)
  reader.kill('SIGUSR2')
  const dropped = await new Promise<number>(resolve => {
    const look = () => {
      sink.write('again\n')
      const match = /log: (\d+) lines dropped/.exec(output.join(''))
      if (match) resolve(Number(match[1]))
      else setTimeout(look, 10)
    }
    look()
  })
  assert.ok(dropped > 1000 && dropped < 4096, `${dropped} dropped`)
})
