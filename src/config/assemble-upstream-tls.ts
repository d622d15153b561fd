/**
 * What locations say of TLS to upstreams, with the files that they name. Runs in the command line, and in the master when it reloads: so the
 * gateway need not be able to read a key.
 *
 * Invariant: certificate and key fit together, or it is told why not. Files are read once for a configuration.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import type { UpstreamTls } from '../sites/upstream-model.ts'
import type { Setting } from './settings/setting.ts'
import { TLS_VERSIONS, upstreamTlsKeys } from './settings/upstream-tls-keys.ts'
import type { Values } from './values.ts'

/** Bytes. A bundle of all public authorities has 250 KB. */
const MAX_FILE = 1024 * 1024
const READABLE_BY_OTHERS = 0o004
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

export class UpstreamTlsReader {
  /** As locations number them. */
  readonly all: UpstreamTls[] = []
  readonly #files = new Map<string, string | null>()

  /** The number of what holds for a location. `outer`: of the site; null at a site. */
  read(values: Values, outer: number | null): number {
    const keys = upstreamTlsKeys
    const settings = Object.values(keys) as readonly Setting[]
    if (outer !== null && !settings.some(setting => values.isGiven(setting))) return outer
    const before = outer === null ? undefined : this.all[outer]!
    const own = <Value>(setting: Setting, read: () => Value, inherited: Value | undefined): Value =>
      values.isGiven(setting) || inherited === undefined ? read() : inherited
    const isVerified = own(keys.proxySslVerify, () => values.one(keys.proxySslVerify), before?.isVerified)
    if (!isVerified && values.isGiven(keys.proxySslVerify))
      values.warn(keys.proxySslVerify, 'is off: whoever stands between can read and change what upstreams are sent')
    const client = own(keys.proxySslCertificate, () => this.#client(values), before?.client)
    if (values.isGiven(keys.proxySslCertificateKey) && !values.isGiven(keys.proxySslCertificate))
      values.report(keys.proxySslCertificateKey, `needs ${keys.proxySslCertificate.name} beside it`)
    const versions = own(keys.proxySslProtocols, () => values.all(keys.proxySslProtocols), before?.versions)
    const one: UpstreamTls = {
      isVerified,
      authorities: own(
        keys.proxySslTrustedCertificate,
        () => this.#certificates(values, keys.proxySslTrustedCertificate),
        before?.authorities,
      ),
      name: own(keys.proxySslName, () => values.one(keys.proxySslName), before?.name),
      sendsName: own(keys.proxySslServerName, () => values.one(keys.proxySslServerName), before?.sendsName),
      client,
      versions: TLS_VERSIONS.filter(version => versions.includes(version)),
    }
    const same = this.all.findIndex(other => JSON.stringify(other) === JSON.stringify(one))
    return same >= 0 ? same : this.all.push(one) - 1
  }

  #client(values: Values): UpstreamTls['client'] {
    const { proxySslCertificate, proxySslCertificateKey } = upstreamTlsKeys
    const certificate = this.#certificates(values, proxySslCertificate)
    if (certificate === null) return null
    if (!values.isGiven(proxySslCertificateKey)) {
      values.report(proxySslCertificate, `needs ${proxySslCertificateKey.name}, the file of its key`)
      return null
    }
    const file: string | null = values.one(proxySslCertificateKey)
    const key = file === null ? null : this.#file(file, values, proxySslCertificateKey)
    if (file === null || key === null) return null
    try {
      if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
        values.report(proxySslCertificateKey, `names ${file}, which is the key of another certificate`)
        return null
      }
    } catch (error) {
      values.report(proxySslCertificateKey, `names ${file}, which has no key that can be used: ${messageOf(error)}`)
      return null
    }
    if ((statSync(file).mode & READABLE_BY_OTHERS) !== 0)
      values.warn(proxySslCertificateKey, `names ${file}, which everybody may read: chmod o-r ${file}`)
    return { certificate, key }
  }

  /** PEM of one certificate at least. */
  #certificates(values: Values, setting: typeof upstreamTlsKeys.proxySslCertificate): string | null {
    const file: string | null = values.one(setting)
    const text = file === null ? null : this.#file(file, values, setting)
    if (text === null) return null
    const blocks = text.match(BLOCK) ?? []
    try {
      for (const block of blocks) new X509Certificate(block)
    } catch (error) {
      values.report(setting, `names ${file}, which has a certificate that cannot be read: ${messageOf(error)}`)
      return null
    }
    if (blocks.length > 0) return blocks.join('\n')
    values.report(setting, `names ${file}, which has no certificate (PEM)`)
    return null
  }

  #file(file: string, values: Values, setting: Setting): string | null {
    const known = this.#files.get(file)
    if (known !== undefined) return known
    let text: string | null = null
    try {
      if (statSync(file).size > MAX_FILE) values.report(setting, `names ${file}, which has more than ${MAX_FILE} bytes`)
      else text = readFileSync(file, 'latin1')
    } catch (error) {
      values.report(setting, `names ${file}, which cannot be read: ${messageOf(error)}`)
    }
    this.#files.set(file, text)
    return text
  }
}

function messageOf(error: unknown): string {
  return (error as Error).message
}
