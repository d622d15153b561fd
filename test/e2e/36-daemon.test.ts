/** `--daemon`, ours and gunicorn's: the command ends when the program serves, or says why it cannot. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { until } from '../support/server.ts'

const APP = `
import sys
def application(environ, start_response):
    print("in the application", file=sys.stderr)
    start_response("200 OK", [])
    return [b"hello"]
`

/** The daemon is stopped at the end of the test. */
async function serve(t: TestContext, project: Project, words: readonly string[]) {
  const socket = project.path('s')
  const { code, stdout, stderr } = await runJumak(
    [...words, '-b', `unix:${socket}`, words[0] === 'gunicorn' ? '--pid' : '--pid-file', project.path('pid'), 'shop'],
    project.directory,
  )
  const pid = existsSync(project.path('pid')) ? Number(readFileSync(project.path('pid'), 'utf8')) : null
  if (pid !== null)
    t.after(async () => {
      process.kill(pid, 'SIGTERM')
      await until(
        () => !existsSync(`/proc/${pid}`) && !existsSync(project.path('pid')),
        () => 'the daemon has not ended',
      )
    })
  return { code, output: stdout + stderr, pid, socket }
}

test('gunicorn --daemon returns when it serves; its log is in the file, and it has no terminal', async t => {
  const project = new Project(t, { 'shop.py': APP, 'gunicorn.conf.py': 'daemon = True\nerrorlog = "shop.log"\n' })
  const { code, output, pid, socket } = await serve(t, project, ['gunicorn'])
  assert.equal(code, 0, output)
  assert.doesNotMatch(output, / (?:info|error) /)
  assert.equal(String((await getOnce(socket, '/')).body), 'hello')
  await until(
    () => /worker 1 .*in the application/.test(readFileSync(project.path('shop.log'), 'utf8')),
    () => readFileSync(project.path('shop.log'), 'utf8'),
  )
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  const [parent, , session, terminal] = stat.slice(1).map(Number)
  assert.notEqual(parent, process.pid)
  assert.deepEqual([session, terminal], [pid, 0])
})

test('what is wrong is told before it goes to the background, with the exit code', async t => {
  const project = new Project(t, { 'shop.py': 'import nothing_of_that_name\n' })
  const { code, output, pid } = await serve(t, project, ['gunicorn', '-D'])
  assert.equal(code, 3)
  assert.match(output, /No module named 'nothing_of_that_name'/)
  assert.match(output, /the daemon has ended before it served \(code 3\)$/m)
  assert.equal(pid, null)
  const wrong = await serve(t, project, ['gunicorn', '-D', '--workers', 'x'])
  assert.equal(wrong.code, 2)
  assert.match(wrong.output, /--workers must be/)
})

test('--daemon on is a setting of ours; that its log goes nowhere is told', async t => {
  const project = new Project(t, { 'shop.py': APP })
  const { code, output, socket } = await serve(t, project, ['--daemon', 'on'])
  assert.equal(code, 0, output)
  assert.match(output, /--daemon writes its log nowhere: name a log-file/)
  assert.equal((await getOnce(socket, '/')).status, 200)
})
