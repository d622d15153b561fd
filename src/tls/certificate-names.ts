/**
 * Names in a certificate, from the text that Node makes of them: the distinguished names of its owner and its issuer, and the owner's
 * alternative names. Runs in the gateway, once for each connection with a client certificate. The work is linear in the text.
 *
 * Node's text of a distinguished name: an RDN a line, in the order of the certificate; the attributes of one RDN are joined by ` + `;
 * special and control characters are escaped as RFC4514§2.4 has it, so neither a line break nor a `+` of a value can be taken for ours.
 */

/** RFC4514: `CN=anna,O=Jumak,C=KR`, the last RDN first, as mod_ssl and nginx write it. */
export function distinguishedName(lines: string): string {
  return rdnsOf(lines)
    .reverse()
    .map(rdn => rdn.reverse().join('+'))
    .join(',')
}

/** `[type, value]` in the order of the certificate: `['CN', 'anna']`. Backslashes and control characters of a value stay escaped, as in mod_ssl. */
export function attributesOf(lines: string): (readonly [string, string])[] {
  return rdnsOf(lines)
    .flat()
    .map(attribute => {
      const equals = attribute.indexOf('=')
      return [attribute.slice(0, equals), unescaped(attribute.slice(equals + 1))] as const
    })
}

function rdnsOf(lines: string): string[][] {
  return lines === '' ? [] : lines.split('\n').map(rdn => rdn.split(' + '))
}

function unescaped(value: string): string {
  return value.replace(/\\(.)/g, (pair, character: string) => (/[\\0-9A-F]/.test(character) ? pair : character))
}

export interface AlternativeNames {
  readonly email: string[]
  readonly dns: string[]
  /** User principal names of Active Directory. */
  readonly upn: string[]
}

const EMAIL = 'email:'
const DNS = 'DNS:'
const UPN = 'othername:UPN:'

/**
 * `text`: as Node writes it, `email:a@b.kr, DNS:x.kr`. A value with special characters is a JSON string there. A name with control
 * characters is left out: it is somebody's attempt.
 */
export function alternativeNames(text: string): AlternativeNames {
  const names: AlternativeNames = { email: [], dns: [], upn: [] }
  for (const entry of entriesOf(text)) {
    const add = (list: string[], prefix: string) => {
      if (!entry.startsWith(prefix)) return
      const value = plainValue(entry.slice(prefix.length))
      if (value !== null) list.push(value)
    }
    add(names.email, EMAIL)
    add(names.dns, DNS)
    add(names.upn, UPN)
  }
  return names
}

/** Cuts at `, ` outside of JSON strings. */
function entriesOf(text: string): string[] {
  const entries: string[] = []
  let start = 0
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    if (isQuoted && text[i] === '\\') i++
    else if (text[i] === '"') isQuoted = !isQuoted
    else if (!isQuoted && text[i] === ',') {
      entries.push(text.slice(start, i))
      start = i + 2
    }
  }
  entries.push(text.slice(start))
  return entries
}

function plainValue(text: string): string | null {
  let value = text
  if (text.startsWith('"'))
    try {
      value = JSON.parse(text)
    } catch {
      return null
    }
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return null
  }
  return value
}
