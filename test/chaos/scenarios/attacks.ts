/** Attackers beside ordinary clients: no request of these is lost, and files come as fast as before. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { getOnce } from '../../support/raw-client.ts'
import { Client } from '../client.ts'
import { noCounts } from '../load.ts'
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

/** Requests a second of the limit of `limit-flood`, how many may come at once, and how many times as many come. */
const [RATE, BURST, TIMES] = [40, 40, 20]
/** Connections of the client that floods: enough for its rate on a slow machine. */
const FLOODING = 32
/** Clients that keep to half of their rate. */
const KEEPING = 10
/** Bytes of a page of `compress-flood`. */
const LARGE = 2_000_000

export const ATTACKS: readonly Scenario[] = [
  {
    name: 'login-attack',
    fault: `${ATTACKERS} clients that try passwords all the time`,
    run: report => withSite(report, SITE, [], attack),
  },
  {
    name: 'limit-flood',
    fault: `a client at ${TIMES} times its limit, over two threads`,
    run: report => withSite(report, LIMITED_SITE, ['--gateway-threads', '2'], exceedLimit),
  },
  {
    name: 'compress-flood',
    fault: `${ATTACKERS} clients that ask for large pages to be compressed`,
    run: report => withSite(report, COMPRESSED_SITE, [], askForLarge),
  },
]

/** `site` with a file and a password beside it, and the load. */
async function withSite(
  report: Report,
  site: string,
  args: readonly string[],
  act: (stage: Stage, report: Report) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'chaos-attacks-'))
  try {
    writeFileSync(join(directory, 'users'), USERS, { mode: 0o600 })
    writeFileSync(join(directory, 'file.txt'), 'x'.repeat(1000))
    const file = join(directory, 'sites.toml')
    writeFileSync(file, site)
    await onStage(report, { interface: 'wsgi', args: ['-c', file, ...args] }, stage => act(stage, report))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

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

/** The load names no client, and a key that is empty is not limited. */
const LIMITED_SITE = `
[[limit]]
name = "each"
key = "$http_x_client"
rate = "${RATE}/s"
[[site]]
limits = ["each burst=${BURST} nodelay"]
locations = [{ match = "= /file.txt", root = "." }, { match = "/", app = "default" }]
`

async function exceedLimit(stage: Stage, report: Report): Promise<void> {
  const { target } = stage.server
  const counts = noCounts()
  const problems: string[] = []
  const end = performance.now() + ATTACK_MS
  const ask = (client: Client, name: string) =>
    client.request(`GET /file.txt HTTP/1.1\r\nHost: chaos\r\nX-Client: ${name}\r\n\r\n`)
  const keepTo = async (name: string) => {
    const client = new Client(target)
    while (performance.now() < end) {
      counts.sent++
      const { status } = await ask(client, name)
      if (status === 200) counts.answered++
      else {
        counts.lost++
        problems.push(`${name}, within its rate, was answered ${status}`)
      }
      // wait: what keeps it to half of its rate
      await sleep(2000 / RATE)
    }
    client.close()
  }
  let [sent, letIn, refused] = [0, 0, 0]
  let last = 0
  const began = performance.now()
  const flood = async () => {
    const client = new Client(target)
    while (performance.now() < end) {
      const due = ((performance.now() - began) / 1000) * RATE * TIMES
      if (sent < due) {
        sent++
        const { status, headers } = await ask(client, 'flood')
        if (status === 200) letIn++
        else if (status === 429 && headers.has('retry-after')) refused++
        else problems.push(`the flood was answered ${status}`)
        last = performance.now()
      }
      // wait: its requests come by the clock
      else await sleep(1)
    }
    client.close()
  }
  report.progress('the flood')
  await Promise.all([
    ...Array.from({ length: KEEPING }, (_, number) => keepTo(`keeps-${number}`)),
    ...Array.from({ length: FLOODING }, flood),
  ])
  report.add({ counts, problems })
  const seconds = (last - began) / 1000
  const right = 1 + BURST + seconds * RATE
  report.note(
    `${sent} requests in ${seconds.toFixed(1)} s, ${(sent / seconds / RATE).toFixed(1)} times the rate: ${letIn} let in, ${right.toFixed(0)} are right`,
  )
  report.injectedAs(refused, ATTACKERS, 'requests that were refused')
  report.expect(letIn <= right + 1, `${letIn} requests were let in, and ${right.toFixed(0)} may be`)
  // The first one came, and the last one was counted, some moment within these seconds.
  report.expect(
    sent < right * 2 || letIn >= right - RATE / 2,
    `only ${letIn} requests were let in, of ${right.toFixed(0)} that may be`,
  )
}

const COMPRESSED_SITE = `
[[site]]
locations = [
  { match = "= /file.txt", root = "." },
  { match = "/big/", app = "default", compress = true },
  { match = "/", app = "default" },
]
`

async function askForLarge(stage: Stage, report: Report): Promise<void> {
  const { target } = stage.server
  report.progress('files without the flood')
  const quiet = await p99OfFiles(stage)
  const end = performance.now() + ATTACK_MS / 2
  let [compressed, plain, wrong] = [0, 0, 0]
  const attacker = async (number: number) => {
    for (let i = 0; performance.now() < end; i++) {
      const path = `/big/${number}-${i}?size=${LARGE}`
      const { status, header, body } = await getOnce(target, path, 'Accept-Encoding: gzip')
      const isCompressed = header('content-encoding') === 'gzip'
      if (status === 503) continue
      if (status !== 200 || (isCompressed ? gunzipSync(body) : body).length !== LARGE) wrong++
      else if (isCompressed) compressed++
      else plain++
    }
  }
  report.progress('the flood')
  const attackers = Promise.all(Array.from({ length: ATTACKERS }, (_, number) => attacker(number)))
  const flooded = await p99OfFiles(stage)
  await attackers
  await stage.untilServing()
  report.note(
    `p99 of a file ${quiet.toFixed(0)} ms, ${flooded.toFixed(0)} ms beside the flood: ${compressed} pages of ${LARGE / 1e6} MB compressed, ${plain} as they are`,
  )
  report.injectedAs(compressed, ATTACKERS, 'pages that were compressed')
  report.expect(wrong === 0, `${wrong} pages were wrong`)
  if (report.judgesTimes)
    report.expect(flooded <= 3 * quiet + MOST_SLOWER_MS, `a file took ${flooded.toFixed(0)} ms beside the flood`)
}
