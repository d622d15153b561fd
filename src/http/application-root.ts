/**
 * Where an application is mounted, and which part of a request's path is its own. Two paths stand in front of it: the one that a proxy
 * has (`--root-path`, or X-Forwarded-Prefix of the request), which the proxy may have taken away or not, and the application's own
 * (`path`), which is always there, because the application was chosen by it. Runs in the gateway; pure.
 *
 * Invariants: paths are bytes, a latin-1 character for each. A path that the router gave to an application is understood in the same
 * way here (`routing/routes.ts`): first without the proxy's part, if it begins with it.
 */
import { bytesOf } from '../base/bytes.ts'

export interface ApplicationRoot {
  /** The proxy's part: empty, or as in `/outer`. */
  readonly outer: string
  /** The application's part: empty, or as in `/shop`. */
  readonly appPath: string
  /** Both: SCRIPT_NAME, `root_path`. */
  readonly full: string
}

/** `rootPath` and `appPath`: from the configuration; empty, or as in `/shop`. */
export function applicationRoot(rootPath: string, appPath: string): ApplicationRoot {
  const [outer, own] = [bytesOf(rootPath), bytesOf(appPath)]
  return { outer, appPath: own, full: outer + own }
}

/** `/shop` has `/shop` and `/shop/x` below it, not `/shopping`. The empty prefix has all. */
export function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || prefix === '' || path[prefix.length] === '/')
}

/** SCRIPT_NAME of a request. `outer`: `request.rootPath`: another root path of its proxy (X-Forwarded-Prefix); undefined: it has none. */
export function fullRoot(root: ApplicationRoot, outer: string | undefined): string {
  return outer === undefined ? root.full : outer + root.appPath
}

/** PATH_INFO. `path`: decoded; `full`: as `fullRoot` gives it. */
export function belowRoot(path: string, full: string, { appPath }: ApplicationRoot): string {
  if (full !== '' && isBelow(path, full)) return path.slice(full.length)
  return appPath !== '' && isBelow(path, appPath) ? path.slice(appPath.length) : path
}

/** The `path` of ASGI, which begins with `root_path`. `outer`: `root.outer`, or the root path of the request. */
export function withRoot(path: string, full: string, outer: string): string {
  return full === '' || isBelow(path, full) ? path : outer + path
}

/**
 * Text → text: the forms in which requests may have a path that was written from the application's own root. A path that begins with
 * the root path, as Django's STATIC_URL does, means the same. The first is the one with nothing left out.
 */
export function requestForms(path: string, rootPath: string, appPath: string): readonly string[] {
  const full = rootPath + appPath
  const own = full !== '' && path.startsWith(`${full}/`) ? path.slice(full.length) : path
  return [...new Set([full + own, appPath + own])]
}
