/**
 * `--tls self-signed`: a certificate that the local authority signs, for this machine. Its key is made anew with each certificate and
 * is in memory only. Runs in the master; loaded only where it is asked for.
 *
 * `renew` is called every few seconds and goes by the clock on the wall: the timers of a laptop that sleeps stand still. There is a new
 * certificate when a third of the life of the last one is over, or when this machine or the applications have other names.
 * Not here: the authority (`local-authority.ts`), which names (`local-names.ts`), what browsers must be told (`trust-advice.ts`).
 */
import { generateKeyPairSync } from 'node:crypto'
import type { Identity } from '../../config/types.ts'
import type { GatewayTlsEntry } from '../../control/tls-messages.ts'
import type { Told } from '../../observe/log.ts'
import { asErrno } from '../errors.ts'
import { describeIdentity } from '../host/identity.ts'
import { type LocalAuthority, takeLocalAuthority } from './local-authority.ts'
import { type LocalNames, localNames, type Machine, thisMachine, type WantedNames } from './local-names.ts'
import { tellAuthority, thisTrustMachine } from './trust-advice.ts'

const DAY_MS = 24 * 3_600_000
/** A laptop that slept for less than 20 days has a valid certificate when it wakes. */
const [LIFE_MS, RENEW_MS] = [30 * DAY_MS, 10 * DAY_MS]

export interface SelfSignedLog {
  told(told: Told): void
  warn(message: string): void
  error(message: string): void
}

export interface SelfSignedOptions {
  readonly authority: LocalAuthority
  /** As of now: HUP changes it. */
  readonly wanted: () => WantedNames
  readonly log: Omit<SelfSignedLog, 'told'>
  /** Milliseconds since 1970. */
  readonly now?: () => number
  readonly machine?: () => Machine
}

/** For an entry of its own. */
export type Signed = Pick<GatewayTlsEntry, 'names' | 'certificates'>

interface Made {
  readonly names: LocalNames
  readonly at: number
  readonly signed: Signed
}

export class SelfSigned {
  readonly #options: Required<SelfSignedOptions>
  #made: Made
  /** Why there was no new certificate; empty: there was. */
  #problem = ''

  /** Throws an OperatorError. */
  constructor(options: SelfSignedOptions) {
    this.#options = { now: Date.now, machine: thisMachine, ...options }
    this.#made = this.#make(this.#names())
    this.#sayLeftOut()
  }

  get signed(): Signed {
    return this.#made.signed
  }

  /** Returns whether `signed` is another one now. What goes wrong is told, and the last certificate stays. */
  renew(): boolean {
    const { now, log } = this.#options
    const names = this.#names()
    const { names: before, at } = this.#made
    const age = now() - at
    // A clock that was set back may be before the certificate's time.
    if (isSame(names.names, before.names) && age >= 0 && age < RENEW_MS) return false
    try {
      this.#made = this.#make(names)
    } catch (error) {
      const { message } = asErrno(error)
      if (message !== this.#problem) log.error(`there is no new certificate of --tls self-signed: ${message}`)
      this.#problem = message
      return false
    }
    this.#problem = ''
    if (!isSame(names.leftOut, before.leftOut)) this.#sayLeftOut()
    return true
  }

  #names(): LocalNames {
    return localNames(this.#options.wanted(), this.#options.machine())
  }

  #make(names: LocalNames): Made {
    const at = this.#options.now()
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const chain = this.#options.authority.sign(privateKey, names.names, new Date(at), LIFE_MS)
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    return { names, at, signed: { names: names.names, certificates: [{ chain, key, staple: '', stapleUntil: null }] } }
  }

  #sayLeftOut(): void {
    const { leftOut } = this.#made.names
    if (leftOut.length === 0) return
    const which = leftOut.slice(0, MAX_TOLD).join(', ') + (leftOut.length > MAX_TOLD ? ' …' : '')
    this.#options.log.warn(
      `the certificate of --tls self-signed is not for ${which}, where clients will refuse it: its authority is only for localhost, for names that end in .localhost, .local, .test or .home.arpa, and for private addresses`,
    )
  }
}

/** Names in one line of the log. */
const MAX_TOLD = 10

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((name, index) => name === others[index])
}

/** At a start: takes the authority of this user, and says which it is. `identity`: what the gateway becomes. Throws an OperatorError. */
export function startSelfSigned(
  variables: Readonly<Record<string, string | undefined>>,
  wanted: () => WantedNames,
  identity: Identity | null,
  log: SelfSignedLog,
): SelfSigned {
  const authority = takeLocalAuthority(variables)
  log.told(tellAuthority(authority, thisTrustMachine(), identity === null ? '' : describeIdentity(identity)))
  return new SelfSigned({ authority, wanted, log })
}
