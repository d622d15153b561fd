/** Which part of a path is the script, and which is PATH_INFO, where a location has `fastcgi`. Runs in the gateway; pure. */
import type { Evaluate } from './site-request.ts'

/** `$fastcgi_script_name` */
export const scriptName: Evaluate = ({ uri, location: { script } }) => {
  const split = script?.split?.(uri)
  if (split != null) return split[1] ?? ''
  return script !== null && uri.endsWith('/') ? uri + script.index : uri
}

/** `$fastcgi_path_info` */
export const pathInfo: Evaluate = ({ uri, location: { script } }) => script?.split?.(uri)?.[2] ?? ''
