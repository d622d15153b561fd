import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, realpathSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { testApp } from '../../config/testing/config.ts'
import type { MasterToGateway, SourceFile } from '../../control/messages.ts'
import type { AppNarrator } from '../output/app-narrator.ts'
import { Development } from './development.ts'

/** A project on disk, generations that the test controls, and the messages that a gateway would get. */
class Bench {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'jumak-development-')))
  readonly told: MasterToGateway[] = []
  readonly said: string[] = []
  readonly events = new EventEmitter()
  readonly development: Development
  reloads = 0

  constructor(t: TestContext) {
    this.save('app.py', 'import part\n')
    this.save('part.py', 'x = 1\n')
    this.save('other.py', '')
    this.save('page.html', 'one')
    this.development = new Development({
      app: testApp({ watch: [this.directory], directory: this.directory }),
      narrator: {
        codeChanged: (path: string) => this.said.push(`changed ${path.slice(this.directory.length + 1)}`),
        reloaded: (generation: number) => this.said.push(`serves ${generation}`),
        warn: (message: string) => this.said.push(message),
      } as unknown as AppNarrator,
      sendToGateway: message => {
        this.told.push(message)
        this.events.emit(message.type)
      },
      reload: () => {
        this.reloads++
        this.events.emit('reload')
      },
    })
    t.after(() => {
      this.development.close()
      rmSync(this.directory, { recursive: true })
    })
  }

  /** With a limit: the watcher keeps the process alive, so a message that does not come would be waited for without end. */
  next(event: string): Promise<unknown> {
    return once(this.events, event, { signal: AbortSignal.timeout(10_000) })
  }

  /** Each save has another size, so two saves in one tick of the clock differ. */
  save(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text)
  }

  file(name: string): SourceFile {
    const path = join(this.directory, name)
    const { mtimeMs, size } = statSync(path)
    return { path, modified: mtimeMs, size }
  }

  imported(generation: number): void {
    this.development.imported(generation, [this.file('app.py'), this.file('part.py')])
  }

  serve(generation: number): void {
    this.development.began(generation)
    this.imported(generation)
    this.development.serves(generation)
  }

  stale(name: string): void {
    this.development.foundStale(join(this.directory, name))
  }
}

test('a change that the gateway finds holds requests at once, and is one reload, even when the watcher notices it too', async t => {
  const bench = new Bench(t)
  bench.serve(1)
  bench.save('part.py', 'x = 22\n')
  const reload = bench.next('reload')
  bench.stale('part.py')
  bench.stale('part.py')
  assert.deepEqual(bench.told.at(-1), { type: 'hold', app: 'default' })
  await reload
  bench.serve(2)
  assert.equal(bench.told.at(-1)?.type, 'sources')
  // A late message of the gateway about the generation before, or a late watcher.
  bench.stale('part.py')
  assert.equal(bench.told.at(-1)?.type, 'sources')
  assert.deepEqual(bench.said, ['changed part.py', 'serves 2'])
  assert.equal(bench.reloads, 1)
})

test('a generation gives way when a file changes while it loads, and never serves', async t => {
  const bench = new Bench(t)
  bench.serve(1)
  bench.development.began(2)
  const reload = bench.next('reload')
  const before = bench.file('part.py')
  bench.save('part.py', 'x = 22\n')
  bench.development.imported(2, [before])
  await reload
  bench.development.serves(2)
  const served = bench.told.filter(message => message.type === 'sources').map(message => message.generation)
  assert.ok(!served.includes(2))
})

for (const [how, save] of [
  ['written', (bench: Bench) => bench.save('part.py', 'x = 22\n')],
  [
    'replaced by an older file',
    (bench: Bench) => {
      bench.save('new', 'x = 22\n')
      utimesSync(join(bench.directory, 'new'), 1e9, 1e9)
      renameSync(join(bench.directory, 'new'), join(bench.directory, 'part.py'))
    },
  ],
] as const)
  test(`a module that is ${how} before the watcher has found it mends a first import that hangs`, async t => {
    const bench = new Bench(t)
    bench.development.began(1)
    const reload = bench.next('reload')
    const now = Date.now()
    // The clock of a file system moves in steps.
    do save(bench)
    while (statSync(join(bench.directory, 'part.py')).ctimeMs < now + 2)
    await reload
    assert.deepEqual(bench.said, ['changed part.py'])
  })

test('workers that read two states of a file are not trusted', async t => {
  const bench = new Bench(t)
  const older = bench.file('part.py')
  bench.save('part.py', 'x = 22\n')
  bench.serve(1)
  const reload = bench.next('reload')
  bench.development.imported(1, [older])
  await reload
})

test('the gateway compares templates too, and every module while the code is broken', async t => {
  const bench = new Bench(t)
  bench.serve(1)
  const names = () => {
    const last = bench.told.at(-1)!
    return 'files' in last ? last.files.map(({ path }) => path.slice(bench.directory.length + 1)).sort() : []
  }
  // The watcher knows all files.
  while (names().length < 3) await bench.next('sources')
  assert.deepEqual(names(), ['app.py', 'page.html', 'part.py'])
  bench.development.began(2)
  bench.imported(2)
  bench.development.failed(2, 'it does not load')
  assert.equal(bench.told.at(-1)?.type, 'broken')
  assert.deepEqual(names(), ['app.py', 'other.py', 'page.html', 'part.py'])
})

test('a new gateway gets the last message', t => {
  const bench = new Bench(t)
  bench.serve(1)
  const last = bench.told.at(-1)
  bench.development.gatewayStarted()
  assert.equal(bench.told.at(-1), last)
})
