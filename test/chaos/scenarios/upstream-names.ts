/** DNS that changes, fails, says nothing and comes back while clients ask servers by that name: no request is lost. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DnsServer } from '../../../src/upstream/testing/dns-server.ts'
import { ROOT } from '../../support/paths.ts'
import { until } from '../../support/server.ts'
import { Backend } from '../backend.ts'
import { type Report, type Scenario, Skip } from '../scenario.ts'
import { gatewayThreads, onStage, type Stage } from '../stage.ts'

/** A resolver of the C library asks port 53 only; an address of our own, so that nothing of the machine is in the way. */
const DNS = '127.18.53.53'
const HOSTS = ['127.18.0.1', '127.18.0.2', '127.18.0.3']
const NAME = 'back.chaos.test'
/** The program asks every five seconds at most. */
const PATIENCE_MS = 60_000

export const UPSTREAM_NAMES: readonly Scenario[] = [
  { name: 'upstream-names', fault: 'DNS of the servers changes, fails, says nothing', run: changeNames },
]

async function changeNames(report: Report): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) throw new Skip('port 53 needs Linux and root')
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) throw new Skip('no mount namespace may be made here')
  const directory = mkdtempSync(join(tmpdir(), 'chaos-upstreams-'))
  const backends: Backend[] = []
  const said = { addresses: [HOSTS[0]!] as readonly string[] | null }
  const dns = await DnsServer.start(() => said.addresses, 1, DNS, 53)
  try {
    backends.push(await Backend.start(HOSTS[0]))
    const { port } = backends[0]!
    for (const host of HOSTS.slice(1)) backends.push(await Backend.start(host, port))
    const [file, resolv, program] = ['sites.toml', 'resolv.conf', 'jumak'].map(name => join(directory, name)) as [
      string,
      string,
      string,
    ]
    writeFileSync(
      file,
      `[[upstream]]\nname = "back"\nservers = ["${NAME}:${port}"]\n[[site]]\nlocations = [{ match = "/", proxy = "http://back" }]\n`,
    )
    writeFileSync(resolv, `nameserver ${DNS}\noptions timeout:1 attempts:1\n`)
    const inside = `mount --bind ${resolv} "$(readlink -f /etc/resolv.conf)" && cd "$PWD" && exec ${ROOT}/bin/jumak "$@"`
    writeFileSync(program, `#!/bin/sh\nexec unshare --mount sh -c '${inside}' sh "$@"\n`)
    chmodSync(program, 0o755)
    const options = { interface: 'asgi', program, args: ['-c', file], load: { kinds: ['get', 'wait'] } } as const
    await onStage(report, options, stage => change(stage, backends, said, dns))
  } finally {
    dns.close()
    await Promise.all(backends.map(one => one.stop()))
    rmSync(directory, { recursive: true, force: true })
  }
}

async function change(
  stage: Stage,
  backends: readonly Backend[],
  said: { addresses: readonly string[] | null },
  dns: DnsServer,
): Promise<void> {
  const { report } = stage
  let changes = 0
  /** Until these servers, and no others, are asked. */
  const say = async (what: string, addresses: readonly string[] | null, asked: readonly number[]) => {
    report.progress(what)
    said.addresses = addresses
    const heard = dns.asked
    await until(
      () => dns.asked >= heard + gatewayThreads(),
      () => `${what}: nobody asks DNS any more`,
      PATIENCE_MS,
    )
    await until(
      async () => {
        const before = backends.map(one => one.answered)
        await stage.untilServing(100)
        return backends.every((one, i) => asked.includes(i) === one.answered > before[i]!)
      },
      () => `${what}: other servers are asked than those that DNS says`,
      PATIENCE_MS,
    )
    changes++
  }
  await say('one server', [HOSTS[0]!], [0])
  await say('another server', [HOSTS[1]!], [1])
  await backends[0]!.stop()
  await say('two servers', [HOSTS[1]!, HOSTS[2]!], [1, 2])
  await say('no such name any more', [], [1, 2])
  await say('silence', null, [1, 2])
  await backends[0]!.startAgain()
  await say('the first again', [HOSTS[0]!], [0])
  // A server that goes while DNS still names it: the other one answers.
  await say('two servers', [HOSTS[0]!, HOSTS[2]!], [0, 2])
  await backends[2]!.stop()
  await stage.untilServing(200)
  await say('one server', [HOSTS[0]!], [0])
  report.expect(stage.logged(/back\.chaos\.test does not resolve now/) >= 1, 'the log does not say that DNS fails')
  report.expect(stage.logged(/back\.chaos\.test resolves again/) >= 1, 'the log does not say that DNS is back')
  report.injectedAs(changes, 8, 'changes of DNS that the program followed')
}
