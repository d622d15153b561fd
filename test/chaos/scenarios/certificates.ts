/** Certificates that are renewed while clients connect, in the ways in which certbot, Kubernetes and scripts put the new files in place. */
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { Authority, type Certificate } from '../../support/certificates.ts'
import { until } from '../../support/server.ts'
import { connectTo } from '../../support/target.ts'
import { Load } from '../load.ts'
import type { Report, Scenario } from '../scenario.ts'
import { onStage, type Stage } from '../stage.ts'

const TIMES = Number(process.env['CHAOS_CERTIFICATES'] ?? 20)
/** In each of the further ways: Jumak takes some seconds to see a change. */
const FEWER_TIMES = Math.ceil(TIMES / 4)
/** Each of these makes connections all the time, beside the load that keeps them. */
const NEW_CONNECTIONS = 4

/** Puts renewed files in place, the number `count`. `directory` has a `cert.pem` and a `key.pem` from the first one on. */
type PutInPlace = (directory: string, renewed: Certificate, count: number) => void

const WAYS: readonly (readonly [name: string, put: PutInPlace, times: number])[] = [
  ['renames', putByRename, TIMES],
  ['certbot', putByLinks, FEWER_TIMES],
  ['kubernetes', putByDirectory, FEWER_TIMES],
]

export const CERTIFICATES: readonly Scenario[] = WAYS.map(([name, put, times]) => ({
  name: `certificates-${name}`,
  fault: `certificate files changed, as by ${name}`,
  run: (report: Report) => renewOften(report, put, times),
}))

async function renewOften(report: Report, put: PutInPlace, times: number): Promise<void> {
  const authority = new Authority()
  const issue = () => authority.issue({ names: ['localhost'] })
  const directory = mkdtempSync(join(tmpdir(), 'jumak-chaos-'))
  const file = (name: string) => join(directory, name)
  try {
    const first = issue()
    put(directory, first, 0)
    const tls: Certificate = { ...first, certificate: file('cert.pem'), key: file('key.pem') }
    await onStage(report, { interface: 'wsgi', tls }, async stage => {
      const { target } = stage.server
      const kinds = ['get', 'post'] as const
      const options = { target, connections: NEW_CONNECTIONS, kinds, pauseMs: 2, mayFail: false, keepsAlive: false }
      const load = new Load(options).start()
      try {
        let seen = 0
        for (let count = 1; count <= times; count++) {
          report.progress(`certificate ${count} of ${times}`)
          const renewed = issue()
          put(directory, renewed, count)
          await untilServed(stage, renewed)
          seen++
        }
        report.injectedAs(seen, times, 'certificates that a client got')
      } finally {
        await load.finish()
        report.add(load)
      }
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function untilServed({ server }: Stage, { serial }: Certificate): Promise<void> {
  let served: string | undefined
  await until(
    async () => {
      const socket = connectTo(server.target) as TLSSocket
      served = await new Promise<string | undefined>((resolve, reject) => {
        socket.on('secureConnect', () => resolve(socket.getPeerX509Certificate()?.serialNumber))
        socket.on('error', reject)
      })
      socket.destroy()
      return served === serial
    },
    () => `certificate ${served} is served, not ${serial}:\n${server.log.slice(-30).join('\n')}`,
  )
}

/** One file after the other: for a moment the two don't belong together. */
function putByRename(directory: string, { certificate, key }: Certificate): void {
  for (const [from, name] of [
    [certificate, 'cert.pem'],
    [key, 'key.pem'],
  ] as const) {
    copyFileSync(from, join(directory, 'new'))
    renameSync(join(directory, 'new'), join(directory, name))
  }
}

/** New files in `archive`, to which links lead: those are replaced one after the other. */
function putByLinks(directory: string, { certificate, key }: Certificate, count: number): void {
  mkdirSync(join(directory, 'archive'), { recursive: true })
  for (const [from, name] of [
    [certificate, 'cert'],
    [key, 'key'],
  ] as const) {
    copyFileSync(from, join(directory, `archive/${name}${count}.pem`))
    replaceLink(join(directory, `${name}.pem`), `archive/${name}${count}.pem`)
  }
}

/** A secret that is mounted: the files are links through the link `..data`, and only that one changes. */
function putByDirectory(directory: string, { certificate, key }: Certificate, count: number): void {
  const version = `..version_${count}`
  mkdirSync(join(directory, version))
  copyFileSync(certificate, join(directory, version, 'cert.pem'))
  copyFileSync(key, join(directory, version, 'key.pem'))
  replaceLink(join(directory, '..data'), version)
  if (count > 0) rmSync(join(directory, `..version_${count - 1}`), { recursive: true })
  else for (const name of ['cert.pem', 'key.pem']) symlinkSync(`..data/${name}`, join(directory, name))
}

function replaceLink(path: string, to: string): void {
  symlinkSync(to, `${path}.new`)
  renameSync(`${path}.new`, path)
}
