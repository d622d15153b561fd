/** The blocks of a text in PEM (RFC7468): files of certificates may have other blocks, and comments, between them. Pure. */

const BEGIN = '-----BEGIN CERTIFICATE-----'
const END = '-----END CERTIFICATE-----'

/** Each certificate with its own first and last line, in the order of the text. What is in it is not looked at. */
export function certificatesIn(text: string): string[] {
  return text
    .split(BEGIN)
    .slice(1)
    .map(rest => `${BEGIN}${rest.slice(0, rest.indexOf(END))}${END}`)
}
