/**
 * What the log says about the local authority of `--tls self-signed`: where its certificate is, and the commands that make the programs of
 * this machine believe it. All of it when the authority is new, later one line. Pure but for the look at this machine's directories.
 */
import { existsSync } from 'node:fs'
import type { Told } from '../../observe/log.ts'
import type { LocalAuthority } from './local-authority.ts'

const NAME = 'Jumak local authority'

/** What decides on the commands. */
export interface TrustMachine {
  readonly platform: NodeJS.Platform
  readonly has: (path: string) => boolean
  readonly isRoot: boolean
}

export function thisTrustMachine(): TrustMachine {
  return { platform: process.platform, has: existsSync, isRoot: process.geteuid?.() === 0 }
}

/** `user`: what the gateway becomes, as in `user www-data`; empty: it stays what the master is. */
export function tellAuthority(
  { file, until, isNew }: Pick<LocalAuthority, 'file' | 'until' | 'isNew'>,
  machine: TrustMachine,
  user: string,
): Told {
  const end = until.toISOString().slice(0, 10)
  const owner = machine.isRoot && user !== '' ? `, which belongs to root and not to ${user}` : ''
  const message = isNew
    ? `made a local authority for --tls self-signed, for this machine and until ${end}: ${file}${owner}`
    : `certificates are signed by the local authority ${file}${owner}`
  const facts = isNew ? trustCommands(quote(file), machine) : []
  const headline = isNew ? `${message}; no browser believes it before you say so:` : message
  return { headline, message, facts, fields: { authority: file, until: until.toISOString(), isNew } }
}

function trustCommands(file: string, { platform, has }: TrustMachine): { label: string; text: string }[] {
  const curl = { label: 'curl', text: `curl --cacert ${file} https://localhost:…` }
  const firefox = {
    label: 'Firefox',
    text: 'Settings, Privacy & Security, View Certificates, Authorities, Import: that file, for websites',
  }
  if (platform === 'darwin')
    return [
      {
        label: 'macOS',
        text: `security add-trusted-cert -r trustRoot -p ssl -k ~/Library/Keychains/login.keychain-db ${file}`,
      },
      curl,
    ]
  const chromium = {
    label: 'Chromium',
    text: `mkdir -p ~/.pki/nssdb; certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n '${NAME}' -i ${file}`,
  }
  const system = systemCommand(file, has)
  return [...(system === null ? [] : [{ label: 'system', text: system }]), chromium, firefox, curl]
}

/** For programs that use OpenSSL's or GnuTLS's own authorities. Null: a distribution that is not known here. */
function systemCommand(file: string, has: TrustMachine['has']): string | null {
  // Fedora, then Arch: both have the third directory in some versions.
  if (has('/etc/pki/ca-trust/source/anchors'))
    return `sudo cp ${file} /etc/pki/ca-trust/source/anchors/jumak-local-authority.pem && sudo update-ca-trust`
  if (has('/etc/ca-certificates/trust-source/anchors')) return `sudo trust anchor ${file}`
  // Debian, Ubuntu, Alpine. It reads files that end with .crt.
  if (has('/usr/sbin/update-ca-certificates') || has('/usr/local/share/ca-certificates'))
    return `sudo cp ${file} /usr/local/share/ca-certificates/jumak-local-authority.crt && sudo update-ca-certificates`
  return null
}

/** For a shell. */
function quote(path: string): string {
  return /^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
