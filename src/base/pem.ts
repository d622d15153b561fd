/** The blocks of a text in PEM (RFC7468): files of certificates may have other blocks, and comments, between them. Pure. */

/** Each certificate with its own first and last line, in the order of the text. What is in it is not looked at. */
export function certificatesIn(text: string): string[] {
  const end = '-----END CERTIFICATE-----'
  return bodiesIn(text, 'CERTIFICATE').map(body => `-----BEGIN CERTIFICATE-----${body}${end}`)
}

/** The bytes of each revocation list. What is in them is not looked at. */
export function revocationListsIn(text: string): Buffer[] {
  return bodiesIn(text, 'X509 CRL').map(body => Buffer.from(body, 'base64'))
}

function bodiesIn(text: string, label: string): string[] {
  return text
    .split(`-----BEGIN ${label}-----`)
    .slice(1)
    .map(rest => rest.slice(0, rest.indexOf(`-----END ${label}-----`)))
}
