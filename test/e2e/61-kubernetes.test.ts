/** The YAML of the how-tos: all of it can be read, and what Kubernetes is told to run and to ask for is there. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { codeBlocks } from '../support/documents.ts'
import { whyNoPython } from '../support/environments/environments.ts'
import { ROOT } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'

const run = promisify(execFile)
const noPython = await whyNoPython()

function blocksOf(page: string): Map<string, string> {
  const blocks = codeBlocks(readFileSync(join(ROOT, 'docs/how-to', page), 'utf8'))
  return new Map(
    blocks.flatMap(({ attributes, text }) => (attributes.has('file') ? [[attributes.get('file')!, text]] : [])),
  )
}

function* yamlBlocks(page: string): Generator<unknown> {
  for (const { language, text } of codeBlocks(readFileSync(join(ROOT, 'docs/how-to', page), 'utf8')))
    if (language === 'yaml')
      for (const document of parseAllDocuments(text, { strict: true, uniqueKeys: true })) {
        assert.deepEqual([...document.errors, ...document.warnings], [], page)
        yield document.toJS()
      }
}

test('every YAML of the how-tos can be read', () => {
  const count = ['docker.md', 'kubernetes.md', 'behind-traefik.md', 'behind-load-balancer.md'].map(
    page => [...yamlBlocks(page)].length,
  )
  assert.ok(
    count.every(number => number > 0),
    count.join(' '),
  )
})

interface Container {
  readonly args: readonly string[]
  readonly ports: readonly { name: string; containerPort: number }[]
  readonly startupProbe: Probe
  readonly readinessProbe: Probe
  readonly livenessProbe: Probe
  readonly volumeMounts: readonly { name: string; mountPath: string }[]
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}

test('kubernetes.md: the program takes its arguments, and answers where the probes ask', {
  skip: noPython,
}, async t => {
  const { directory: home } = new Project(t, { 'app.py': blocksOf('kubernetes.md').get('app.py')! })
  // biome-ignore lint/suspicious/noExplicitAny: whatever the page says
  const deployment = [...yamlBlocks('kubernetes.md')].find(document => (document as any).kind === 'Deployment') as any
  const { spec } = deployment.spec.template
  const container: Container = spec.containers[0]
  const [program, ...args] = container.args
  assert.equal(program, 'jumak')
  await run(join(ROOT, 'bin/jumak'), ['--check', ...args], { cwd: home })

  const seconds = (name: string) => Number(/=(\d+)s$/.exec(args.find(arg => arg.startsWith(`--${name}=`))!)![1])
  assert.ok(spec.terminationGracePeriodSeconds > seconds('shutdown-delay') + seconds('graceful-timeout'))
  assert.deepEqual(deployment.spec.selector.matchLabels, deployment.spec.template.metadata.labels)
  assert.deepEqual(
    container.volumeMounts.map(one => one.name),
    spec.volumes.map((one: { name: string }) => one.name),
  )

  const server = await startServer({
    directory: home,
    args: ['-b', '127.0.0.1:0', '-w', '1', ...args.filter(arg => /path=|\.py$/.test(arg))],
  })
  for (const { httpGet } of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
    assert.ok(
      container.ports.some(port => port.name === httpGet.port && args.includes(`--bind=:${port.containerPort}`)),
    )
    assert.equal((await getOnce(server.port, httpGet.path)).status, 200)
  }
  await server.stop()
})
