/**
 * gunicorn's formats of the access log, as ours (`base/access-format.ts`). The atoms are the same. There a name that it does not know is a
 * hyphen, and so it is here. Pure.
 */
import { checkAccessFormat } from '../../base/access-format.ts'

export const STANDARD_FORMAT = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'

/** An atom that means something else there: nothing sent is 0. */
const SENT: Readonly<Record<string, string>> = { '%(b)s': '%(B)s' }

/** Variables of the environ that an atom of ours has. */
const VARIABLES: Readonly<Record<string, string>> = {
  REMOTE_ADDR: '%(h)s',
  REQUEST_METHOD: '%(m)s',
  PATH_INFO: '%(U)s',
  QUERY_STRING: '%(q)s',
  SERVER_PROTOCOL: '%(H)s',
  CONTENT_TYPE: '%({content-type}i)s',
  CONTENT_LENGTH: '%({content-length}i)s',
}

/** `unknown`: variables of the environ that only the worker knows. */
export function accessFormat(text: string): { readonly text: string; readonly unknown: readonly string[] } {
  const unknown: string[] = []
  const ours = text.trim().replace(/%\(([^()]*)\)s/g, (atom, name: string) => {
    const variable = /^\{([^{}]*)\}e$/i.exec(name)?.[1]
    if (variable === undefined) return checkAccessFormat(atom) === null ? (SENT[atom] ?? atom) : '-'
    const found = ofVariable(variable.toUpperCase())
    if (found === null) unknown.push(variable)
    return found ?? '-'
  })
  return { text: ours, unknown }
}

function ofVariable(name: string): string | null {
  if (Object.hasOwn(VARIABLES, name)) return VARIABLES[name]!
  if (!name.startsWith('HTTP_')) return null
  const atom = `%({${name.slice('HTTP_'.length).toLowerCase().replaceAll('_', '-')}}i)s`
  return checkAccessFormat(atom) === null ? atom : null
}
