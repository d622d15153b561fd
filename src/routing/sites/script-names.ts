/** Which part of a path is the script, and which is PATH_INFO, where a location has `fastcgi`. Runs in the gateway; pure. */
import type { Evaluate, SiteRequest } from './site-request.ts'

/** `$fastcgi_script_name` */
export const scriptName: Evaluate = ({ uri, location: { script } }) => {
  const split = script?.split?.(uri)
  if (split != null) return split[1] ?? ''
  return script !== null && uri.endsWith('/') ? uri + script.index : uri
}

/** `$fastcgi_path_info` */
export const pathInfo: Evaluate = ({ uri, location: { script } }) => script?.split?.(uri)?.[2] ?? ''

/**
 * The path names a script of PHP that no file of a location would be: in a hidden directory, or hidden itself. Who has put one into a directory
 * of uploads or of a repository hides it so. Applications that have all paths are asked for any other name.
 */
export function isHiddenScript(request: SiteRequest): boolean {
  if (request.location.script?.isNamedByPath !== true) return false
  const name = scriptName(request)
  return /\.ph[^/.]*$/.test(name) && /\/\.(?!well-known\/)/.test(name)
}
