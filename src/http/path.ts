/**
 * The path of a request, percent-decoded once. There are two rules: the name of a file is text, and an application gets bytes (PEP 3333,
 * ASGI). Runs in the gateway; pure.
 */

/** As text; null when it is none: a broken escape, or wrong UTF-8 (overlong, for example). */
export function decodePath(path: string): string | null {
  if (!path.includes('%')) return path
  try {
    return decodeURIComponent(path)
  } catch {
    return null
  }
}

/**
 * As bytes: each is the latin-1 character of its number. A broken escape stays as it is. `*` of OPTIONS names no path and becomes empty,
 * since PATH_INFO is empty or starts with a slash.
 */
export function decodePathBytes(path: string): string {
  if (path === '*') return ''
  if (!path.includes('%')) return path
  return path.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
