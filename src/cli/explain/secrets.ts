/**
 * What a client proves itself with, and what is shown in its place: an explanation is pasted into issues and chats. A variable may have carried
 * it into a path or a redirect, so it is looked for everywhere. Pure.
 */

const CREDENTIALS = /^(?:(?:proxy-)?authorization|cookie|set-cookie|x-api-key|api-key|x-auth-token|x-csrf-?token)$/i
export const MASK = '•••'
/** Shorter values, such as `theme=1`, stand in many places that have nothing to do with them; the header itself is masked. */
const LEAST = 4

/** Texts that must not be shown, the longest first. `headers`: `[name, value, …]`. */
export function secretsOf(headers: readonly string[]): readonly string[] {
  const found = new Set<string>()
  for (let i = 0; i < headers.length; i += 2) {
    const [name = '', value = ''] = [headers[i], headers[i + 1]]
    if (!CREDENTIALS.test(name) || value === '') continue
    found.add(value)
    const parts = /^cookie$/i.test(name)
      ? value.split(';').map(pair => pair.slice(pair.indexOf('=') + 1).trim())
      : [value.replace(/^\S+\s+/, ''), ...userAndPassword(value)]
    for (const part of parts) if (part.length >= LEAST) found.add(part)
  }
  return [...found].sort((a, b) => b.length - a.length)
}

function userAndPassword(value: string): readonly string[] {
  const [, encoded] = /^basic +([A-Za-z0-9+/=]+)$/i.exec(value) ?? []
  return encoded === undefined ? [] : Buffer.from(encoded, 'base64').toString('latin1').split(':')
}

/** The same data without them; a pair `[name, value]` or `NAME=VALUE` of such a header has no value. */
export function withoutSecrets<Value>(value: Value, secrets: readonly string[]): Value {
  if (typeof value === 'string') return masked(value, secrets) as Value
  if (Array.isArray(value))
    return value.map((one: unknown, i) =>
      typeof one === 'string' && i % 2 === 1 && typeof value[i - 1] === 'string' && CREDENTIALS.test(value[i - 1])
        ? MASK
        : withoutSecrets(one, secrets),
    ) as Value
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutSecrets(one, secrets)])) as Value
}

function masked(text: string, secrets: readonly string[]): string {
  let shown = text
  for (const secret of secrets)
    for (const form of new Set([secret, encodeURIComponent(secret)])) shown = shown.replaceAll(form, MASK)
  return shown.replace(/((?:^|[\s,])(?:(?:proxy-)?authorization|cookie|set-cookie)=)[^,]+/gi, `$1${MASK}`)
}
