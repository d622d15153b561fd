/**
 * The real gunicorn and `jumak gunicorn` as daemons: what the caller sees, the pid file, the log, the end. What differs: ours returns when it
 * serves, and with an exit code when it cannot; gunicorn returns at once, with 0.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { ROOT } from '../support/paths.ts'
import { temporaryDirectory } from '../support/project.ts'
import { until } from '../support/server.ts'
import { ask } from './pair.ts'

const noPython = await whyNoPython()

async function observe(t: TestContext, program: 'gunicorn' | 'jumak', python: string, words: readonly string[]) {
  const directory = temporaryDirectory(t)
  const path = (name: string) => join(directory, name)
  copyFileSync(join(import.meta.dirname, 'environ.py'), path('environ.py'))
  const given = [...words, '--bind', `unix:${path('s')}`, '--pid', path('pid'), 'environ']
  const [command, args] =
    program === 'jumak'
      ? [join(ROOT, 'bin/jumak'), ['gunicorn', ...given]]
      : [python, ['-m', 'gunicorn', '--no-control-socket', ...given]]
  const env = { ...process.env, JUMAK_PYTHON: python, JUMAK_ADMIN_SOCKET: 'off', PWD: directory }
  // Its output may stay open: only its end counts.
  const [code] = await once(spawn(command!, args as string[], { cwd: directory, env, stdio: 'ignore' }), 'exit')
  await until(
    () => existsSync(path('pid')) && existsSync(path('s')),
    () => `${program} wrote no pid file`,
  )
  const pid = Number(readFileSync(path('pid'), 'utf8'))
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number)
  const { status } = await ask({ port: 0, socket: path('s') }, {})
  const umask = /^Umask:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  process.kill(pid, 'SIGTERM')
  await until(
    () => !existsSync(path('pid')) && !existsSync(`/proc/${pid}`),
    () => `${program} has not ended`,
  )
  return {
    code,
    status,
    umask,
    isOfOthers: fields[1] !== process.pid,
    hasTerminal: fields[4] !== 0,
    isInTerminalsSession:
      fields[3] ===
      Number(
        readFileSync('/proc/self/stat', 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')[3],
      ),
    log: existsSync(path('log')) && readFileSync(path('log'), 'utf8').length > 0,
    access: existsSync(path('access')) ? readFileSync(path('access'), 'utf8') : '',
  }
}

for (const words of [
  '--daemon',
  '-D --error-logfile log',
  '-D -R --access-logfile access --access-logformat %(r)s|%(s)s',
])
  test(`gunicorn ${words}`, { skip: noPython }, async t => {
    const { python } = await ensureEnvironment({ python: 'newest', packages: 'gunicorn' })
    const there = await observe(t, 'gunicorn', python, words.split(' '))
    const here = await observe(t, 'jumak', python, words.split(' '))
    assert.deepEqual(here, there)
    assert.equal(here.code, 0)
  })
