/** `--user` and `--group`: who is root and who is not, and that everything works all the same. Needs root. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ask, makeDirectory } from '../support/life.ts'
import { ROOT } from '../support/paths.ts'
import { temporaryDirectory } from '../support/project.ts'
import { getOnce, RawClient } from '../support/raw-client.ts'
import { startServer, until } from '../support/server.ts'

/** Tests of users need root, a Python that everybody may run, and a /etc/group of their own. */
const isRoot = process.getuid?.() === 0
const PYTHON = '/usr/bin/python3'
const canMount = spawnSync('unshare', ['--mount', 'true']).status === 0
const asRoot = {
  skip: !(isRoot && canMount && existsSync(PYTHON)) && `needs root, unshare --mount and ${PYTHON}`,
}
const USER = 'nobody'
const GROUP = 'games'

/** Starts the program where the user has a supplementary group. Nothing of the machine changes. */
function makeProgram(t: TestContext): { program: string; uid: number; gid: number; groups: number[] } {
  const directory = temporaryDirectory(t)
  chmodSync(directory, 0o755)
  const [group, program] = [join(directory, 'group'), join(directory, 'jumak')]
  const line = new RegExp(`^(${GROUP}:.*:(\\d+):).*$`, 'm')
  const text = readFileSync('/etc/group', 'utf8')
  writeFileSync(group, text.replace(line, `$1${USER}`))
  const inside = 'mount --bind "$0" /etc/group && exec "$@"'
  const words = `exec unshare --mount sh -c '${inside}' ${group} ${join(ROOT, 'bin/jumak')} "$@"\n`
  writeFileSync(program, `#!/bin/sh\n${words}`, { mode: 0o755 })
  const [uid, gid] = [idOf('-u'), idOf('-g')]
  return { program, uid, gid, groups: [gid, Number(line.exec(text)![2])].sort((a, b) => a - b) }
}

/** `-u`: of the user; `-g`: of its group. */
const idOf = (flag: '-u' | '-g') => Number(execFileSync('id', [flag, USER], { encoding: 'utf8' }))

/** uid and groups of a process, as the kernel says. */
function rightsOf(pid: number): { uids: number[]; groups: number[] } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const numbers = (name: string) =>
    new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)![1]!.trim().split(/\s+/).map(Number)
  return { uids: numbers('Uid'), groups: numbers('Groups').sort((a, b) => a - b) }
}

test(
  '--user: nothing but the master is root, groups are kept, and files, uploads, logs and sockets work',
  asRoot,
  async t => {
    const { program, uid, gid, groups } = makeProgram(t)
    const directory = makeDirectory(t)
    const rootsOwn = temporaryDirectory(t)
    chmodSync(rootsOwn, 0o755)
    const [log, pidFile, file] = [join(rootsOwn, 'access.log'), join(rootsOwn, 'pid'), join(directory, 'large')]
    writeFileSync(file, Buffer.alloc(3_000_000, 'x'))
    const args = ['--user', USER, '--temp-dir', '/tmp', '--access-log', log, '--pid-file', pidFile]
    const server = await startServer({ app: 'app', directory, args, program, python: PYTHON, env: { JT_FILE: file } })
    const answer = await ask(server.port)
    assert.deepEqual(answer.ids, [uid, uid, gid, gid])
    assert.deepEqual(answer.groups, groups)
    assert.equal(answer.env['USER'], USER)
    for (const one of [server.gateway(), server.preloader(), ...server.workers()])
      assert.deepEqual(rightsOf(one.pid), { uids: [uid, uid, uid, uid], groups }, one.command)
    assert.equal((await getOnce(server.port, '/file')).body.length, 3_000_000)
    // Larger than the memory buffer: a temporary file takes it.
    const upload = new RawClient(server.port)
    upload.send(`POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 8000000\r\n\r\n`).send(Buffer.alloc(8_000_000))
    assert.equal((await upload.response()).body.toString(), '8000000')
    upload.close()
    // Rotation without `create`: only root may make files here.
    await until(
      () => /GET \/file/.test(readFileSync(log, 'latin1')),
      () => 'no access log',
    )
    renameSync(log, `${log}.1`)
    server.signal('SIGUSR1')
    await until(
      () => existsSync(log),
      () => 'the log was not made again',
    )
    // The gateway hears of the new file a moment after it is there. Until then it writes to the old one.
    await until(
      async () => {
        await ask(server.port, '/after')
        return /GET \/after/.test(readFileSync(log, 'latin1'))
      },
      () => 'nothing is written to the new log',
    )
    assert.equal(statSync(log).uid, uid)
    // A reload, and a gateway that dies, go the same way.
    server.expectLog(/the gateway was killed by SIGKILL/)
    server.signal('SIGHUP')
    await server.waitForLog(/generation 2 serves/)
    process.kill(server.gateway().pid, 'SIGKILL')
    assert.deepEqual((await ask(server.port)).ids, [uid, uid, gid, gid])
    assert.equal(rightsOf(server.gateway().pid).uids[0], uid)
    await server.stop()
    assert.ok(!existsSync(pidFile))
  },
)

test('--user: what the user may not do is told at start, and nothing runs as root instead', asRoot, async t => {
  const directory = makeDirectory(t)
  const closed = join(directory, 'closed')
  execFileSync('mkdir', ['-m', '700', closed])
  for (const [args, message] of [
    [['--temp-dir', closed], /user nobody cannot write temporary files to .*closed \(EACCES\)/],
    [['--temp-dir', '/tmp', '--access-log', join(closed, 'log')], /cannot write the access log .* as user nobody/],
  ] as const) {
    const server = await startServer({
      app: 'app',
      directory,
      args: ['--user', USER, ...args],
      python: PYTHON,
      waitReady: false,
    })
    server.expectLog(message)
    await server.ended(1)
    rmSync(join(closed, 'log'), { force: true })
  }
})

test('--user without being root is refused', asRoot, async t => {
  const directory = makeDirectory(t)
  chmodSync(directory, 0o777)
  // The checkout may lie where only root may look: in this process's own world it also lies where everybody may.
  const checkout = join(directory, 'checkout')
  mkdirSync(checkout)
  const words = '"$1/bin/jumak" -b 127.0.0.1:0 --user games --temp-dir "$2" app'
  const inside = `mount --bind "$0" "$1" && exec setpriv --reuid 65534 --regid 65534 --clear-groups ${words}`
  const args = ['--mount', 'sh', '-c', inside, ROOT, checkout, directory]
  const { status, stderr } = spawnSync('unshare', args, { cwd: directory, encoding: 'utf8' })
  assert.equal(status, 2, stderr)
  assert.match(stderr, /--user may be given only when root starts the program/)
})

test('--user without preload', asRoot, async t => {
  const server = await startServer({
    app: 'app',
    directory: makeDirectory(t),
    args: ['--user', USER, '--temp-dir', '/tmp', '--preload', 'off'],
    python: PYTHON,
  })
  assert.equal((await ask(server.port)).ids[0], idOf('-u'))
  await server.stop()
})

test('--group wins over the group of the user, and the access log of both goes to /dev/stdout', asRoot, async t => {
  const gid = Number(execFileSync('sh', ['-c', `getent group ${GROUP} | cut -d: -f3`], { encoding: 'utf8' }))
  const logs = ['--access-log', '/dev/stdout', '--log-file', '/dev/stderr']
  const server = await startServer({
    app: 'app',
    directory: makeDirectory(t),
    args: ['--user', USER, '--group', GROUP, '--temp-dir', '/tmp', ...logs],
    python: PYTHON,
  })
  const { ids } = await ask(server.port)
  assert.deepEqual(ids, [idOf('-u'), idOf('-u'), gid, gid])
  await server.stop()
  assert.match(server.stdout[0]!, /"GET \/ HTTP\/1\.1" 200/)
})
