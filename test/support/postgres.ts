/** A PostgreSQL of a test's own: a fresh cluster on a free port of this machine, with one database of the user's name. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, globSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { freePort } from './free-port.ts'
import { temporaryDirectory } from './project.ts'
import { until } from './server.ts'

/** The directory of `initdb` and the rest: distributions do not put all of them on PATH. */
function programs(): string | null {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map(directory => join(directory, 'initdb'))
  const found = [...onPath, ...globSync('/usr/lib/postgresql/*/bin/initdb')].find(path => existsSync(path))
  return found === undefined ? null : dirname(realpathSync(found))
}

/** For `skip`. */
export function whyNoPostgres(): string | false {
  return programs() === null && 'PostgreSQL is not installed'
}

/** PostgreSQL runs as nobody where root runs the tests: it refuses root. */
function account(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (what: string) => Number(execFileSync('id', [what, 'nobody'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** Resolves with its port when it takes connections. It ends with the test. */
export async function startPostgres(t: TestContext, user: string, password: string): Promise<number> {
  const bin = programs()!
  const home = temporaryDirectory(t)
  chmodSync(home, 0o755)
  const data = join(home, 'data')
  mkdirSync(data, { mode: 0o700 })
  const who = account()
  if (who.uid !== undefined) chownSync(data, who.uid, who.gid!)
  const passwordFile = join(home, 'password')
  writeFileSync(passwordFile, password)
  const options = { cwd: home, ...who }
  const words = ['--pgdata', data, '--username', user, '--pwfile', passwordFile, '--auth=scram-sha-256', '--no-sync']
  execFileSync(join(bin, 'initdb'), words, { ...options, stdio: 'pipe' })
  const port = await freePort()
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', 'fsync=off']
  const child = spawn(join(bin, 'postgres'), ['-D', data, ...settings.flatMap(one => ['-c', one])], {
    ...options,
    stdio: 'ignore',
  })
  t.after(() => stop(child))
  const client = (program: string, ...rest: string[]) =>
    spawnSync(join(bin, program), ['-h', '127.0.0.1', '-p', String(port), '-U', user, ...rest], {
      env: { ...process.env, PGPASSWORD: password },
    }).status === 0
  await until(
    () => client('pg_isready'),
    () => 'PostgreSQL does not start',
  )
  if (!client('createdb', user)) throw new Error('createdb failed')
  return port
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  // Without waiting for its clients.
  child.kill('SIGINT')
  await ended
}
