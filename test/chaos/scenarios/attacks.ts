/** Attackers beside ordinary clients: no request of these is lost, and files come as fast as before. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getOnce } from '../../support/raw-client.ts'
import type { Report, Scenario } from '../scenario.ts'
import { onStage, type Stage } from '../stage.ts'

const ATTACK_MS = Number(process.env['CHAOS_ATTACK_MS'] ?? 8000)
/** More of them keep this process busier than the gateway, and the time of a file would be its own. */
const ATTACKERS = 8
/**
 * What a file may take at the 99th percentile, beside three times what it takes without the attack. Checks have a thread of their own, but it takes a
 * core. When they ran in Node's thread pool, a file waited for 700 ms.
 */
const MOST_SLOWER_MS = 200

/** bcrypt, cost 10: a check takes some 50 ms. */
const USERS = 'ann:$2y$10$abcdefghijklmnopqrstuuAlHQ4pSMLxCGzQeAVUWyNhTHWVYc6ZW\n'

export const ATTACKS: readonly Scenario[] = [
  {
    name: 'login-attack',
    fault: `${ATTACKERS} clients that try passwords all the time`,
    run: async report => {
      const directory = mkdtempSync(join(tmpdir(), 'chaos-attacks-'))
      try {
        writeFileSync(join(directory, 'users'), USERS, { mode: 0o600 })
        writeFileSync(join(directory, 'file.txt'), 'x'.repeat(1000))
        const file = join(directory, 'sites.toml')
        writeFileSync(file, SITE)
        await onStage(report, { interface: 'wsgi', args: ['-c', file] }, stage => attack(stage, report))
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    },
  },
]

const SITE = `
[[site]]
auth-users = "users"
locations = [
  { match = "= /file.txt", root = "." },
  { match = "/staff/", root = ".", auth-basic = "Staff" },
  { match = "/", app = "default" },
]
`

async function attack(stage: Stage, report: Report): Promise<void> {
  const { target } = stage.server
  stage.server.mayLog(/Too many passwords wait to be checked/)
  report.progress('files without an attack')
  const quiet = await p99OfFiles(stage)
  const until = performance.now() + ATTACK_MS
  const answers = new Map<number, number>()
  const attacker = async (number: number) => {
    for (let i = 0; performance.now() < until; i++) {
      const password = Buffer.from(`ann:${number}-${i}`).toString('base64')
      const { status } = await getOnce(target, '/staff/x', `Authorization: Basic ${password}`)
      answers.set(status, (answers.get(status) ?? 0) + 1)
    }
  }
  report.progress('the attack')
  const attackers = Promise.all(Array.from({ length: ATTACKERS }, (_, number) => attacker(number)))
  const attacked = await p99OfFiles(stage)
  await attackers
  await stage.untilServing()
  const told = [...answers].map(([status, count]) => `${count} × ${status}`).join(', ')
  report.note(`p99 of a file ${quiet.toFixed(0)} ms, ${attacked.toFixed(0)} ms under attack; attackers got ${told}`)
  report.injectedAs(
    [...answers.values()].reduce((sum, count) => sum + count, 0),
    ATTACKERS,
    'answers to attackers',
  )
  const isRight = [...answers.keys()].every(status => status === 401 || status === 429 || status === 503)
  report.expect(isRight, `attackers get 401, 429 or 503, not ${told}`)
  if (report.judgesTimes)
    report.expect(attacked <= 3 * quiet + MOST_SLOWER_MS, `a file took ${attacked.toFixed(0)} ms under attack`)
}

/** Milliseconds. One request after the other, for half of the attack's time. */
async function p99OfFiles(stage: Stage): Promise<number> {
  const times: number[] = []
  const end = performance.now() + ATTACK_MS / 2
  while (performance.now() < end) {
    const begin = performance.now()
    await stage.get('/file.txt')
    times.push(performance.now() - begin)
  }
  times.sort((a, b) => a - b)
  return times[Math.floor(times.length * 0.99)]!
}
