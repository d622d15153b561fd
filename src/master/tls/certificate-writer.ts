/**
 * Writes X.509 certificates (RFC 5280) of two kinds: that of the local authority, and those that it signs. Runs in the master, with
 * `--tls self-signed` only. Pure but for the random serial number.
 *
 *     Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature }
 *     tbsCertificate ::= SEQUENCE { [0] version, serial, signatureAlgorithm, issuer, validity, subject, publicKey, [3] extensions }
 *
 * Why no package: `@peculiar/x509` brings 20 packages into the process that holds all private keys, `node-forge` knows no ECDSA, and a
 * program `openssl` is not on every machine. The two kinds are fixed, nothing foreign is read here, and `crypto` signs. Node's own
 * `X509Certificate` reads what comes out, and tests show it to OpenSSL and Python.
 *
 * Invariants: all keys are ECDSA on P-256. The subject of an authority follows from its key alone, so that the issuer of a leaf is known
 * without reading the authority's certificate, and two authorities never have the same name.
 * Not here: files (`local-authority.ts`), which names (`local-names.ts`).
 */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import {
  bits,
  constructed,
  objectId,
  octets,
  positiveInteger,
  primitive,
  sequence,
  set,
  text,
  time,
  yes,
} from './der.ts'
import { addressBytes, LOCAL_DOMAINS, LOCAL_NETWORKS } from './local-names.ts'

export interface Validity {
  readonly from: Date
  readonly until: Date
}

const ECDSA_WITH_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'))
const VERSION_3 = constructed(0, positiveInteger(Buffer.from([2])))
const [ORGANIZATION, COMMON_NAME] = ['2.5.4.10', '2.5.4.3']
const MAKER = 'Jumak for development on one machine'
/** The general names of RFC5280§4.2.1.6. */
const [DNS_NAME, IP_ADDRESS] = [2, 7]

/** PEM of the authority's own certificate. */
export function writeAuthority(key: KeyObject, validity: Validity): string {
  const spki = publicBytes(key)
  const name = authorityName(spki)
  return certificate(key, name, name, spki, validity, [
    // No further authority below it.
    extension('2.5.29.19', true, sequence(yes(), positiveInteger(Buffer.from([0])))),
    // keyCertSign alone.
    extension('2.5.29.15', true, bits(Buffer.from([0b0000_0100]), 2)),
    // Not for mail, code, or clients.
    extension('2.5.29.37', false, SERVER_AUTH),
    extension('2.5.29.30', true, sequence(constructed(0, ...permittedSubtrees()))),
    extension('2.5.29.14', false, octets(keyId(spki))),
  ])
}

/** PEM of a server's certificate. `names`: at least one host name or address. */
export function writeLeaf(
  authorityKey: KeyObject,
  key: KeyObject,
  names: readonly string[],
  validity: Validity,
): string {
  const issuer = publicBytes(authorityKey)
  const spki = publicBytes(key)
  const subject = distinguishedName('Jumak development server')
  return certificate(authorityKey, authorityName(issuer), subject, spki, validity, [
    extension('2.5.29.19', true, sequence()),
    // digitalSignature alone.
    extension('2.5.29.15', true, bits(Buffer.from([0b1000_0000]), 7)),
    extension('2.5.29.37', false, SERVER_AUTH),
    extension('2.5.29.17', false, sequence(...names.map(generalName))),
    extension('2.5.29.14', false, octets(keyId(spki))),
    extension('2.5.29.35', false, sequence(primitive(0, keyId(issuer)))),
  ])
}

/** As Node's `X509Certificate` writes it. */
export function authoritySubject(key: KeyObject): string {
  return `O=${MAKER}\nCN=${authorityTitle(publicBytes(key))}`
}

const SERVER_AUTH = sequence(objectId('1.3.6.1.5.5.7.3.1'))

/** As browsers show it. */
function authorityTitle(spki: Buffer): string {
  return `Jumak local authority ${keyId(spki).toString('hex').slice(0, 8)}`
}

function authorityName(spki: Buffer): Buffer {
  return distinguishedName(authorityTitle(spki))
}

function distinguishedName(title: string): Buffer {
  const part = (id: string, value: string) => set(sequence(objectId(id), text(value)))
  return sequence(part(ORGANIZATION, MAKER), part(COMMON_NAME, title))
}

/** RFC5280§4.2.1.10: names of other sorts than these two are bounded by the usage `serverAuth`. */
function permittedSubtrees(): Buffer[] {
  const names = LOCAL_DOMAINS.map(domain => sequence(generalName(domain)))
  const networks = LOCAL_NETWORKS.map(([address, length]) => {
    const bytes = addressBytes(address)!
    const mask = bytes.map((_, index) => 0xff & ~(0xff >> Math.max(0, Math.min(8, length - index * 8))))
    return sequence(primitive(IP_ADDRESS, Buffer.concat([bytes, mask])))
  })
  return [...names, ...networks]
}

function generalName(name: string): Buffer {
  const address = addressBytes(name)
  return address === null ? primitive(DNS_NAME, Buffer.from(name, 'ascii')) : primitive(IP_ADDRESS, address)
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(isCritical ? [yes()] : []), octets(value))
}

function certificate(
  signer: KeyObject,
  issuer: Buffer,
  subject: Buffer,
  spki: Buffer,
  { from, until }: Validity,
  extensions: readonly Buffer[],
): string {
  const validity = sequence(time(from), time(until))
  const rest = [validity, subject, spki, constructed(3, sequence(...extensions))]
  const signed = sequence(VERSION_3, serialNumber(), ECDSA_WITH_SHA256, issuer, ...rest)
  const der = sequence(signed, ECDSA_WITH_SHA256, bits(sign('sha256', signed, signer)))
  const lines = der.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

/** Never the same twice for one issuer: NSS refuses that. 127 random bits, the first byte not 0. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = 0x40 | (bytes[0]! & 0x3f)
  return positiveInteger(bytes)
}

function publicBytes(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

/** RFC7093§2: the first 160 bits of a hash of the public key. */
function keyId(spki: Buffer): Buffer {
  return createHash('sha256').update(spki).digest().subarray(0, 20)
}
