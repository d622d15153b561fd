/** Workers that the kernel kills for want of memory, in a control group of their own. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryGroup } from '../../support/control-group.ts'
import { ROOT } from '../../support/paths.ts'
import { RawClient } from '../../support/raw-client.ts'
import type { Answer } from '../client.ts'
import { type Report, type Scenario, Skip } from '../scenario.ts'
import { type Interface, onStage, type Stage, settle } from '../stage.ts'

/** The kernel takes the largest process: there must be room for a worker to become that. */
const BYTES = 640 * 1024 * 1024
const TIMES = 3

const INTERFACES: readonly Interface[] = ['wsgi', 'asgi']

export const OUT_OF_MEMORY: readonly Scenario[] = INTERFACES.map(kind => ({
  name: `out-of-memory-${kind}`,
  fault: `the kernel kills a worker for want of memory (${kind.toUpperCase()})`,
  run: report => inMemoryGroup(report, kind),
}))

async function inMemoryGroup(report: Report, kind: Interface): Promise<void> {
  const group = makeGroup()
  const directory = mkdtempSync(join(tmpdir(), 'jumak-chaos-'))
  try {
    const program = join(directory, 'jumak')
    writeFileSync(program, `#!/bin/sh\necho $$ > ${group.members}\nexec ${ROOT}/bin/jumak "$@"\n`)
    chmodSync(program, 0o755)
    const views = { asked: 0 }
    // While the first victim still goes, the kernel may take a second worker, with what has just been sent there again.
    const isFailure = ({ status }: Answer) => status === 502 && group.kills > views.asked
    const options = { interface: kind, program, load: { mayFail: true, isFailure } }
    await onStage(report, options, stage => eatMemory(stage, group, views))
  } finally {
    rmSync(directory, { recursive: true, force: true })
    await group.remove()
  }
}

function makeGroup(): MemoryGroup {
  try {
    return MemoryGroup.make(BYTES)
  } catch (error) {
    throw new Skip(`no control group may be made here: ${(error as Error).message}`)
  }
}

async function eatMemory(stage: Stage, group: MemoryGroup, views: { asked: number }): Promise<void> {
  const { server, report } = stage
  for (let i = 1; i <= TIMES; i++) {
    report.progress(`worker ${i} of ${TIMES}`)
    const from = server.log.length
    views.asked++
    const client = new RawClient(server.target)
    client.send('POST /eat HTTP/1.1\r\nHost: chaos\r\nContent-Length: 0\r\n\r\n')
    const { status } = await client.response()
    client.close()
    report.expect(status === 502, `POST /eat was answered ${status}, not 502`)
    await server.waitForLog(/worker \d+ .*was killed by SIGKILL: out of memory, says \//, from)
    await settle()
    await stage.untilServing()
  }
  const { kills } = group
  const told = stage.logged(/worker \d+ .*out of memory, says/)
  report.injectedAs(kills, TIMES, "the control group's counter")
  report.expect(told === kills, `the log tells of ${told} kills for want of memory, the kernel of ${kills}`)
  const [victim] = server.workers()
  process.kill(victim!.pid, 'SIGKILL')
  await server.waitForLog(new RegExp(`\\(process ${victim!.pid}\\) was killed by SIGKILL`))
  report.expect(
    stage.logged(/out of memory, says/) === told,
    'the log says that a worker was out of memory which we have killed',
  )
}
