/**
 * `npm run test:sites -- [COUNT] [SEED]`: sites at random, for a real nginx and for Jumak, and 20 requests for each. Says the differences.
 * `npm run test:sites -- one INDEX SEED` shows one site in both notations with its differences.
 */
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NGINX } from '../../bench/nginx.ts'
import { freePort } from '../support/free-port.ts'
import { compare, type Difference, portOf, runJumak, startEcho, startNginx, writeFiles, writeUsers } from './compare.ts'
import { generate } from './generate.ts'
import { toNginx } from './to-nginx.ts'
import { toToml } from './to-toml.ts'

const [first = '300', ...rest] = process.argv.slice(2)
const isOne = first === 'one'
const seed = Number(isOne ? rest[1] : (rest[0] ?? '1'))
const cases = isOne
  ? [generate(seed, Number(rest[0]))]
  : Array.from({ length: Number(first) }, (_, index) => generate(seed, index))

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'sites-')))
const files = join(directory, 'files')
mkdirSync(files)
writeFiles(files)
writeUsers(directory)
const echo = await startEcho()
const [nginxPort, jumakPort] = [await freePort(), await freePort()]
const place = { port: nginxPort, echo: portOf(echo), files, directory }
if (isOne) {
  console.log(
    toNginx(
      cases.map(({ site }) => site),
      place,
    ).slice(500),
  )
  console.log(
    toToml(
      cases.map(({ site }) => site),
      files,
      'echo',
    ),
  )
}
const nginx = await startNginx(NGINX, cases, place)
writeFileSync(
  join(directory, 'jumak.toml'),
  `bind = "127.0.0.1:${jumakPort}"\n${toToml(
    cases.map(({ site }) => site),
    files,
    'echo:application',
  )}`,
)
copyFileSync(join(import.meta.dirname, 'echo.py'), join(directory, 'echo.py'))
const jumak = await runJumak(directory)
const differences = await compare(cases, nginxPort, jumakPort)
nginx.kill()
echo.close()
echo.closeAllConnections()
await Promise.all([jumak.stop(), once(nginx, 'close')])
rmSync(directory, { recursive: true, force: true })
for (const difference of differences.slice(0, 40)) show(difference)
console.log(`seed ${seed}: ${cases.length} sites, ${cases.length * 20} requests, ${differences.length} differences`)
const unexpected = jumak
  .log()
  .split('\n')
  .filter(line => / error | warn .*bug/.test(line))
if (unexpected.length > 0) console.log(unexpected.slice(0, 10).join('\n'))
process.exitCode = differences.length > 0 ? 1 : 0

function show({ index, request, nginx: theirs, jumak: ours }: Difference): void {
  console.log(`site ${index}: ${request.method} ${request.target}`)
  for (const key of Object.keys(theirs) as (keyof typeof theirs)[])
    if (theirs[key] !== ours[key])
      console.log(`    ${key}: nginx ${JSON.stringify(theirs[key])}, jumak ${JSON.stringify(ours[key])}`)
}
