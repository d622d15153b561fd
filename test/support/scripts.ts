/** Real servers of FastCGI, SCGI and uwsgi, as children of the test: php-fpm, uWSGI. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Program of php-fpm; null: it is not installed. Distributions have its version in the name. */
export function phpFpm(): string | null {
  for (const directory of ['/usr/sbin', '/usr/local/sbin', '/usr/bin']) {
    if (!existsSync(directory)) continue
    const name = readdirSync(directory).find(one => /^php-fpm[\d.]*$/.test(one))
    if (name !== undefined) return join(directory, name)
  }
  return null
}

/** uWSGI with its plugin for Python: of the distribution, or of the benchmarks. Null: neither is installed. */
export function findUwsgi(): string | null {
  const ofBenchmarks = join(import.meta.dirname, '../../.cache/bench-venv/bin/uwsgi')
  return ['/usr/bin/uwsgi_python3', ofBenchmarks].find(path => existsSync(path)) ?? null
}

/** Starts php-fpm on a Unix socket in `directory`, and gives its path. */
export async function startPhpFpm(t: TestContext, program: string, directory: string): Promise<string> {
  const socket = join(directory, 'fpm.sock')
  const account = process.getuid?.() === 0 ? 'user = root\ngroup = root\n' : ''
  const file = join(directory, 'fpm.conf')
  writeFileSync(
    file,
    `[global]\nerror_log = ${directory}/fpm.log\ndaemonize = no\n[www]\nlisten = ${socket}\n${account}pm = static\npm.max_children = 2\ncatch_workers_output = yes\nphp_admin_flag[log_errors] = on\n`,
  )
  await startServer(
    t,
    spawn(program, ['--nodaemonize', '--allow-to-run-as-root', '--fpm-config', file], { stdio: 'ignore' }),
    socket,
  )
  return socket
}

/** Ends with the test. Resolves when the server accepts on `socket`. */
export async function startServer(t: TestContext, child: ChildProcess, socket: string): Promise<void> {
  const exited = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGTERM')
    await exited
  })
  let gone = false
  void exited.then(() => {
    gone = true
  })
  while (!(await accepts(socket))) if (gone) throw new Error(`the server of ${socket} has ended`)
}

function accepts(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const client = connect(path, () => {
      client.destroy()
      resolve(true)
    })
    // wait: for the server to bind; each try is a connect that fails at once.
    client.on('error', () => setTimeout(resolve, 20, false))
  })
}
