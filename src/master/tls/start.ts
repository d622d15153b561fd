/** Puts the parts of TLS together at a start of the program. Loaded only where there is TLS. Runs in the master. */
import type { Config } from '../../config/types.ts'
import type { GatewayTls } from '../../control/tls-messages.ts'
import { type CertificateLog, Certificates } from './certificates.ts'
import { hostsOf } from './doubts.ts'
import type { SelfSigned, SelfSignedLog } from './self-signed.ts'

/** `config`: in force now; HUP changes it. `onChange`: something else is in force, for the gateway. Throws OperatorError. */
export async function readCertificates(
  config: () => Config,
  log: CertificateLog & SelfSignedLog,
  onChange: (tls: GatewayTls) => void,
): Promise<Certificates> {
  const { tls } = config()
  const selfSigned = tls.isSelfSigned ? await signOwn(config, log) : null
  return new Certificates({ config: tls, selfSigned, log, onChange })
}

async function signOwn(config: () => Config, log: SelfSignedLog): Promise<SelfSigned> {
  const { startSelfSigned } = await import('./self-signed.ts')
  const wanted = () => ({
    bind: config().bind.filter(({ scheme }) => scheme === undefined || scheme === 'https'),
    hosts: hostsOf(config()).hosts ?? config().apps.flatMap(({ hosts }) => hosts),
  })
  return startSelfSigned(process.env, wanted, config().gatewayIdentity, log)
}
