/**
 * The certificates of the program, or that it has none: only where there is TLS the rest of this folder is loaded. Runs in the master.
 */
import type { Config } from '../../config/types.ts'
import type { GatewayTls } from '../../control/tls-messages.ts'
import type { CertificateLog, Certificates } from './certificates.ts'
import type { SelfSignedLog } from './self-signed.ts'
import type { InheritedSecrets } from './ticket-secrets.ts'

export class ProgramCertificates {
  /** Null: no listener has TLS, or they are not read yet. */
  current: Certificates | null = null
  readonly #config: () => Config
  readonly #log: CertificateLog & SelfSignedLog
  readonly #onChange: (tls: GatewayTls) => void
  /** Of the master that this one replaces. They may come before the certificates are read. */
  #inherited: InheritedSecrets | null = null

  /** `config`: in force now. `onChange`: something else is in force, for the gateway. */
  constructor(config: () => Config, log: CertificateLog & SelfSignedLog, onChange: (tls: GatewayTls) => void) {
    this.#config = config
    this.#log = log
    this.#onChange = onChange
  }

  /** Where a listener has TLS. Throws OperatorError. */
  async read(): Promise<void> {
    const { entries, isSelfSigned } = this.#config().tls
    if (entries.length === 0 && !isSelfSigned) return
    const { readCertificates } = await import('./start.ts')
    this.current = await readCertificates(this.#config, this.#log, this.#onChange)
    if (this.#inherited !== null) this.current.inherit(this.#inherited)
  }

  /** Tells what is to say of them, and watches their files. */
  start(): void {
    const { current } = this
    current?.tellUsers()
    current?.tellDoubts(this.#config())
    current?.start()
  }

  inherit(secrets: InheritedSecrets): void {
    this.#inherited = secrets
    this.current?.inherit(secrets)
  }
}
