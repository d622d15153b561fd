/**
 * `--tls self-signed`: the certificate of the local authority for this machine. Its key is made anew with each certificate and is in
 * memory only. Runs in the master.
 *
 * The caller asks `certificateFor` at the start, at HUP, and every now and then: by the clock on the wall, because the timers of a laptop
 * that sleeps stand still. The answer is the same object until there is a new certificate: when a third of its life is over, or when this
 * machine has other addresses.
 */
import { generateKeyPairSync } from 'node:crypto'
import { isIP } from 'node:net'
import type { GatewayCertificate } from '../../control/tls-messages.ts'
import type { LocalAuthority } from './local-authority.ts'
import { localNames, type Machine, thisMachine, type WantedNames } from './local-names.ts'

const DAY_MS = 24 * 3_600_000
/** A laptop that slept for less than 20 days has a valid certificate when it wakes. */
const [LIFE_MS, RENEW_MS] = [30 * DAY_MS, 10 * DAY_MS]

export interface SelfSignedCertificate {
  /** Host names, as an entry of `GatewayTls` has them: without the addresses. */
  readonly names: readonly string[]
  readonly certificate: GatewayCertificate
  readonly until: Date
  /** Addresses and hosts that were asked for, and that the local authority is not for: clients that use them will refuse the certificate. */
  readonly leftOut: readonly string[]
}

export interface SelfSignedSurroundings {
  readonly now: () => number
  readonly machine: () => Machine
}

export class SelfSigned {
  readonly #authority: LocalAuthority
  readonly #around: SelfSignedSurroundings
  #last: { readonly asked: string; readonly madeAt: number; readonly made: SelfSignedCertificate } | null = null

  constructor(authority: LocalAuthority, around: Partial<SelfSignedSurroundings> = {}) {
    this.#authority = authority
    this.#around = { now: Date.now, machine: thisMachine, ...around }
  }

  /** Throws an OperatorError when the authority has expired in the meantime. */
  certificateFor(wanted: WantedNames): SelfSignedCertificate {
    const now = this.#around.now()
    const { names, leftOut } = localNames(wanted, this.#around.machine())
    const asked = JSON.stringify([names, leftOut])
    const last = this.#last
    // A clock that was set back may be before the certificate's time.
    if (last?.asked === asked && now >= last.madeAt && now < last.madeAt + RENEW_MS) return last.made
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const signed = this.#authority.sign(privateKey, names, new Date(now), LIFE_MS)
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const hosts = names.filter(name => !isIP(name))
    const certificate = { chain: signed.chain, key, staple: '' }
    const made = { names: hosts, certificate, until: signed.until, leftOut }
    this.#last = { asked, madeAt: now, made }
    return made
  }
}

