/**
 * The master as a process, with a gateway and workers that only speak the control messages (`fixtures/`): start,
 * replacement, reload, signals, every end. Requests are the business of the end-to-end tests.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { version } from '../base/version.ts'
import { APP, linux, TestMaster, untilGone, WAIT_MS } from './testing/test-master.ts'

test('it starts, says what it serves, and a TERM ends everything', linux, async () => {
  const master = new TestMaster()
  await master.see(/ ready$/)
  for (const pattern of [
    /address +unix:.*\/s$/,
    /application +x:application, Fake 1\.0$/,
    /Python +3\.11\.7, .*python3 \(--python\)$/,
    /workers +2 × 2 threads \(auto: 2 cores\)$/,
    /preload +imported once in 12 ms/,
    /worker 1 +hello from 1$/,
  ])
    await master.see(pattern)
  assert.equal(await master.ask('workers'), '1 2')
  assert.equal(master.descendants().length, 4)
  await master.stop()
  assert.ok(
    master.log.some(line => /worker 2 +bye from 2/.test(line)),
    'the last words are in the log',
  )
})

test('with several threads of the gateway each slot has a socket, which goes with its worker', linux, async () => {
  const master = new TestMaster('', {}, { gatewayThreads: 3 })
  await master.see(/ ready$/)
  assert.equal(await master.ask('workers'), '1 2')
  const [runtime] = readdirSync(master.path('tmp'))
  const socketsIn = (directory: string) =>
    readdirSync(join(master.path('tmp'), runtime!, directory))
      .filter(name => /^w\d+\.sock/.test(name))
      .sort()
  const [directory] = readdirSync(join(master.path('tmp'), runtime!)).filter(name => !name.endsWith('.sock'))
  assert.deepEqual(socketsIn(directory!), ['w1.sock.0', 'w1.sock.1', 'w2.sock.0', 'w2.sock.1'])
  const pid = Number(/\d+/.exec(await master.ask('pid'))![0])
  process.kill(
    master
      .descendants()
      .filter(one => one !== pid)
      .at(-1)!,
    'SIGKILL',
  )
  await master.see(/worker \d \(.*\) was killed by SIGKILL/)
  await master.see(/worker 3 +hello/)
  const left = new Set(socketsIn(directory!).map(name => name.split('.')[0]))
  assert.equal(Number(left.has('w1')) + Number(left.has('w2')), 1)
  await master.stop()
})

test('a worker that dies is replaced, and the log says how it died', linux, async () => {
  const master = new TestMaster()
  await master.see(/ ready$/)
  const [pid] = /\d+/.exec(await master.ask('pid'))!
  const worker = master
    .descendants()
    .filter(one => one !== Number(pid))
    .at(-1)!
  process.kill(worker, 'SIGKILL')
  await master.see(
    new RegExp(`worker \\d \\(process ${worker}\\) was killed by SIGKILL after .*; another one takes its place`),
  )
  await master.see(/worker 3 +hello/)
  await master.stop()
})

test('a stuck and a lost worker are replaced', linux, async () => {
  const master = new TestMaster()
  await master.see(/ ready$/)
  await master.ask('stuck 1 GET /slow ran for 30 s')
  await master.see(/error master +\[r-1\] worker 1 is replaced: GET \/slow ran for 30 s/)
  await master.see(/warn +master +\[r-1\] worker 1 stands here:/)
  await master.see(/warn +master +\[r-1\] +File "app\.py", line 3, in view/)
  await master.see(/debug master +worker 1 .* exited with code 0/)
  await master.ask('lost 2 it sent junk')
  await master.see(/error master +worker 2 is replaced: it sent junk/)
  await master.see(/debug master +worker 2 .* exited with code 0/)
  assert.equal(await master.ask('workers'), '3 4')
  await master.stop()
})

test(
  'a worker that has answered its requests is recycled: the replacement serves first, one at a time',
  linux,
  async () => {
    const recycle = { maxRequests: 1000, maxRequestsJitter: 50, maxAge: 0, maxMemory: 0 }
    const master = new TestMaster('', { recycle })
    await master.see(/ ready$/)
    await master.ask('spend 1 1012')
    await master.ask('spend 2 1003')
    await master.see(/info +master +worker 1 is recycled: 1,012 requests \(--max-requests 1000\)$/)
    await master.see(/info +master +worker 2 is recycled: 1,003 requests/)
    await master.see(/debug master +worker 2 .* exited with code 0/)
    const order = master.log.flatMap(line => /worker \d +(?:hello|bye)|worker \d is recycled/.exec(line)?.[0] ?? [])
    assert.deepEqual(
      order.map(one => one.replace(/ +/g, ' ')).filter(one => !/^worker [12] hello/.test(one)),
      [
        'worker 3 hello',
        'worker 1 is recycled',
        'worker 1 bye',
        'worker 4 hello',
        'worker 2 is recycled',
        'worker 2 bye',
      ],
    )
    assert.equal(await master.ask('workers'), '3 4')
    await master.stop()
  },
)

test('workers that are too old, or need too much memory, are recycled, and the log says why', linux, async () => {
  const old = new TestMaster('', { recycle: { maxRequests: 0, maxRequestsJitter: 0, maxAge: 1500, maxMemory: 0 } })
  await old.see(/worker [12] is recycled: \d+(?:\.\d)? s old \(--max-age 1\.5 s\)/)
  await old.stop()
  const fat = new TestMaster('', { recycle: { maxRequests: 0, maxRequestsJitter: 0, maxAge: 0, maxMemory: 100_000 } })
  await fat.see(/worker [12] is recycled: .* of memory, PSS \(--max-memory 98 KB\); it serves for \d.* only: the limit/)
  await fat.stop()
})

test('each application has a directory and a control socket of its own, where only its own workers are heard', {
  skip: process.getuid?.() !== 0 && 'needs root, to have several users',
}, async () => {
  const [shop, api, gatewayIdentity] = [4711, 4712, 4713].map(id => ({ uid: id, gid: id, userName: '' }))
  const apps = [
    { name: 'shop', workers: 1, identity: shop!, python: '/usr/bin/python3' },
    { name: 'api', workers: 1, identity: api!, python: '/usr/bin/python3' },
  ]
  const master = new TestMaster('', apps, { gatewayIdentity: gatewayIdentity! })
  // Then its directory and that of the other one are there.
  const [, worker] = /(\d+) +hello/.exec(await master.see(/api worker \d+ +hello/))!
  const run = join(master.path('tmp'), readdirSync(master.path('tmp'))[0]!)
  const rights = (name: string) => {
    const { uid, gid, mode } = statSync(join(run, name))
    return `${uid} ${gid} ${(mode & 0o7777).toString(8)}`
  }
  // `.code` is there if this checkout lies where only root may enter.
  const names = readdirSync(run).filter(name => name !== '.code')
  assert.deepEqual(names.sort(), ['api', 'master.sock', 'shop'])
  assert.deepEqual(['.', 'shop', 'api', 'shop/control.sock', 'api/control.sock'].map(rights), [
    '0 0 711',
    '4711 4713 2710',
    '4712 4713 2710',
    '4711 4713 600',
    '4712 4713 600',
  ])
  for (const application of ['shop', 'api']) {
    const socket = connect(join(run, application, 'control.sock'))
    const hello = { type: 'hello', build: version, worker: Number(worker), pid: 1, token: 'guessed' }
    socket.write(`${JSON.stringify(hello)}\n`)
    await once(socket.resume(), 'close')
  }
  // At the socket of the shop nobody knows this worker.
  await master.see(new RegExp(`warn .*says that it is worker ${worker} was refused: it does not know its token`))
  assert.equal(master.log.filter(line => /was refused/.test(line)).length, 1)
  await master.stop()
})

test('a runtime directory that disappears is made again before the next fork', linux, async () => {
  const master = new TestMaster()
  await master.see(/ ready$/)
  const [name] = readdirSync(master.path('tmp'))
  rmSync(join(master.path('tmp'), name!), { recursive: true })
  await master.ask('stuck 1 GET /slow')
  await master.see(/warn +master +the runtime directory .* had disappeared and was made again/)
  await master.see(/worker 1 .* exited with code 0/)
  assert.equal(await master.ask('workers'), '2 3')
  assert.deepEqual(readdirSync(master.path('tmp')), [name])
  await master.stop()
})

test('a runtime directory that cannot be made again ends the program, with 1 and its path', linux, async () => {
  const master = new TestMaster()
  await master.see(/ ready$/)
  const [name] = readdirSync(master.path('tmp'))
  const processes = master.descendants()
  rmSync(join(master.path('tmp')), { recursive: true })
  await master.ask('stuck 1 GET /slow')
  await master.see(new RegExp(`error master +the runtime directory .*${name} has disappeared and cannot be made again`))
  mkdirSync(master.path('tmp'))
  await master.ended(1, processes)
})

test('variables reach the application: files, what is there already, --env, in this order', linux, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'jt-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const envFiles = [join(directory, 'a.env'), join(directory, 'b.env')]
  writeFileSync(envFiles[0]!, 'JT_1=a\nJT_2=a\nJT_3=a\nPATH=/nowhere\n')
  writeFileSync(envFiles[1]!, 'JT_2=b\nJT_3="b"\n')
  const master = new TestMaster('show', { envFiles, variables: { JT_3: 'c' } })
  await master.see(/ ready$/)
  await master.see(/preloader +JT_1=a JT_2=b JT_3=c PATH=(?!\/nowhere)/)
  writeFileSync(envFiles[0]!, 'JT_1=new\n')
  master.signal('SIGHUP')
  await master.see(/preloader +JT_1=new JT_2=b JT_3=c/)
  await master.see(/generation 2 serves/)
  writeFileSync(envFiles[1]!, '# fine\nwrong\n')
  master.signal('SIGHUP')
  await master.see(/error master +--env-file .*b\.env:2: there is no '=' after 'wrong'/)
  await master.see(/generation 3 is given up, generation 2 serves on/)
  await master.stop()
})

test('the pid file is there while it runs, and a second start with it is refused', linux, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'jt-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const pidFile = join(directory, 'jumak.pid')
  const master = new TestMaster('', {}, { pidFile })
  await master.see(/ ready$/)
  assert.equal(readFileSync(pidFile, 'latin1'), `${master.process.pid}\n`)
  const second = new TestMaster('', {}, { pidFile })
  await second.ended(1)
  assert.match(second.log.at(-1)!, new RegExp(`error master +Jumak runs already, as process ${master.process.pid} `))
  assert.ok(existsSync(pidFile))
  await master.stop()
  assert.deepEqual(readdirSync(directory), [])
})

test('a gateway that dies is replaced, nobody is refused, and the workers are linked again', linux, async () => {
  const master = new TestMaster()
  await master.see(/ ready$/)
  const before = await master.ask('pid')
  await master.ask('die')
  const after = await master.ask('pid')
  assert.notEqual(after, before)
  await master.see(/the gateway was killed by SIGKILL after .*; another one takes its place/)
  await master.stop()
})

test('a worker that has served is warm: a new gateway does not warm it again', linux, async () => {
  const warmup = [{ scheme: 'http' as const, authority: 'localhost', target: '/' }]
  const master = new TestMaster('', { workers: 1, warmup })
  await master.see(/ ready$/)
  assert.equal(await master.ask('warm-ups 1'), '1')
  await master.ask('die')
  let answer = ''
  // The new gateway listens before it is told of the worker.
  do answer = await master.ask('warm-ups 1')
  while (answer === 'undefined')
  assert.equal(answer, '0')
  await master.stop()
})

test('a new gateway hears which workers stand in a debugger', linux, async () => {
  const master = new TestMaster('debugger', { workers: 1 })
  await master.see(/ ready$/)
  const from = master.log.length
  await master.ask('die')
  await master.see(/gateway +worker 1 is debugged: true/, from)
  await master.stop()
})

test('a preloader that dies is followed by a new generation while its workers serve', linux, async () => {
  const master = new TestMaster()
  await master.see(/ ready$/)
  const workers = new Set(master.descendants())
  const direct = readFileSync(`/proc/${master.process.pid}/task/${master.process.pid}/children`, 'latin1')
    .trim()
    .split(' ')
  const gateway = await master.ask('pid')
  const preloader = direct.find(pid => pid !== gateway)!
  process.kill(Number(preloader), 'SIGKILL')
  await master.see(/the preloader of generation 1 was killed by SIGKILL; its workers serve on/)
  await master.see(/generation 2 serves/)
  await master.see(/worker 2 .* is gone after/)
  assert.equal(await master.ask('workers'), '3 4')
  workers.delete(Number(gateway))
  await untilGone([...workers])
  await master.stop()
})

test('HUP: a new generation takes over; a broken one leaves the old one serving', linux, async () => {
  const master = new TestMaster()
  await master.see(/ ready$/)
  master.signal('SIGHUP')
  await master.see(/generation 2 serves/)
  await master.see(/worker 2 .* exited with code 0/)
  assert.equal(await master.ask('workers'), '3 4')
  writeFileSync(master.path('app/broken'), '')
  master.signal('SIGHUP')
  await master.see(/error master +no module named x/)
  await master.see(/error master +frame|error master {4,}frame/)
  await master.see(/generation 3 is given up, generation 2 serves on/)
  unlinkSync(master.path('app/broken'))
  master.signal('SIGHUP')
  await master.see(/generation 4 serves/)
  await master.stop()
})

test('TTIN and TTOU change the number of workers, and one stays', linux, async () => {
  const master = new TestMaster()
  await master.see(/ ready$/)
  master.signal('SIGTTIN')
  await master.see(/workers wanted: 3/)
  await master.see(/worker 3 +hello/)
  for (const wanted of [2, 1, 1]) {
    const from = master.log.length
    master.signal('SIGTTOU')
    await master.see(new RegExp(`workers wanted: ${wanted}`), from)
  }
  await master.see(/worker 2 .* exited with code 0/)
  assert.equal(await master.ask('workers'), '1')
  await master.stop()
})

test('USR1 reaches the gateway', linux, async () => {
  // With the flag Node blocks the signal.
  const master = new TestMaster('', {}, {}, [])
  await master.see(/ ready$/)
  master.signal('SIGUSR1')
  await master.see(/info +gateway +reopened/)
  await master.stop()
})

test('hazards turn preload off, and the workers import', linux, async () => {
  const master = new TestMaster('unsafe')
  await master.see(/warn +master +preload off: thread "T", started at app\.py:1 would not survive a fork/)
  await master.see(/ ready$/)
  await master.see(/preload +off, see the warnings above: each worker imports/)
  await master.stop('SIGINT')
})

test('an application that cannot be loaded ends the start with 3 and its traceback', linux, async () => {
  const master = new TestMaster('load-failed')
  await master.ended(3)
  assert.ok(master.log.some(line => /error master +no module named x/.test(line)))
  assert.ok(master.log.some(line => /Traceback \(fake\)/.test(line)))
})

test('the same when the workers import', linux, async () => {
  const master = new TestMaster('worker-load-failed', { preload: 'off' })
  await master.ended(3)
  assert.equal(master.log.filter(line => /no module named x/.test(line)).length, 1)
})

test('workers that die before they serve end the start with 1', linux, async () => {
  const master = new TestMaster('die-early')
  await master.ended(1)
  assert.ok(
    master.log.some(line =>
      /workers die before they serve, 3 times in a row; the last one exited with code 7; its last words: no database \d/.test(
        line,
      ),
    ),
  )
})

test(
  'workers that die of a warm-up request end the start with its name, though their end is known sooner',
  linux,
  async () => {
    const warmup = [{ scheme: 'http', authority: 'localhost', target: '/dies' }] as const
    const master = new TestMaster('', { warmup })
    await master.ended(3)
    assert.match(master.log.join('\n'), /error master +the warm-up failed: GET \/dies was not answered; mend/)
  },
)

test('an import that hangs is ended by TERM', linux, async () => {
  const master = new TestMaster('hang')
  await master.see(/preloader importing/)
  await master.stop()
})

test('a Python that hangs when it is looked at is ended by TERM', linux, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'jt-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'python'), '#!/bin/sh\n: > "$0.runs"\nexec sleep 3600\n', { mode: 0o755 })
  const master = new TestMaster('', { python: join(directory, 'python') })
  await master.see(/address/)
  const deadline = performance.now() + WAIT_MS
  while (!existsSync(join(directory, 'python.runs')) && performance.now() < deadline)
    await new Promise(resolve => setTimeout(resolve, 10))
  const processes = master.descendants()
  master.signal('SIGTERM')
  await master.ended(0, processes)
  assert.ok(!master.log.some(line => /did not start/.test(line)), master.log.join('\n'))
})

test('workers that ignore the stop are killed after the graceful timeout', linux, async () => {
  const master = new TestMaster('no-stop', { timeouts: { ...APP.timeouts, graceful: 100 } })
  await master.see(/ ready$/)
  await master.stop()
  assert.ok(master.log.some(line => /warn +master +2 workers did not leave in time: killed/.test(line)))
})

test('a second INT does not wait for anybody', linux, async () => {
  const master = new TestMaster('no-stop')
  await master.see(/ ready$/)
  const processes = master.descendants()
  master.signal('SIGTERM')
  await master.see(/stopping gracefully/)
  master.signal('SIGINT')
  master.signal('SIGQUIT')
  await master.ended(0, processes)
})

test('an address that cannot be bound and a Python that is not there end the start with 1', linux, async () => {
  const bind = new TestMaster('', {}, { bind: [{ kind: 'tcp', host: '192.0.2.1', port: 0 }] })
  await bind.ended(1)
  assert.match(bind.log.at(-1)!, /error master +cannot listen on http:\/\/192\.0\.2\.1:0/)
  const python = new TestMaster('', { python: 'python9' })
  await python.ended(1)
  assert.match(python.log.at(-1)!, /error master +--python python9 is not on PATH/)
})
