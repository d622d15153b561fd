/** Name and password of HTTP Basic (RFC7617). Pure. */

export interface Credentials {
  /** Bytes. Never empty, as in nginx. */
  readonly name: string
  readonly password: Buffer
}

/** Null: the field has none in this form. `value`: of Authorization. */
export function parseBasic(value: string): Credentials | null {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(value) ?? []
  if (encoded === undefined) return null
  const bytes = Buffer.from(encoded, 'base64')
  const colon = bytes.indexOf(0x3a)
  if (colon < 1) return null
  const password = bytes.subarray(colon + 1)
  // Functions in C, which made most hashes, would read it up to the NUL only.
  return password.includes(0) ? null : { name: bytes.toString('latin1', 0, colon), password }
}
