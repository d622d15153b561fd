/**
 * Settings from the environment: `JUMAK_WORKERS` and the others, and `PORT` and `WEB_CONCURRENCY`, which platforms set. An empty variable
 * counts as not set: `${WORKERS:-}` in a compose file makes one.
 */
import type { Diagnostic } from '../diagnostics.ts'
import { meantName } from '../hints/meant-name.ts'
import { SETTINGS } from '../settings/index.ts'
import { isFrom, type Setting, variableOf } from '../settings/setting.ts'
import { APP_KEYS } from '../settings/tables.ts'
import { type Given, splitCommas } from './given.ts'

export type Variables = Readonly<Record<string, string | undefined>>

/** No setting: `scripts/node` reads it before the program runs. */
const NO_SETTINGS: readonly string[] = ['JUMAK_NODE']
/** Kubernetes and Docker set such variables in every container beside a service named `jumak`. */
const OF_A_SERVICE =
  /^JUMAK_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/

const OF_TABLES: readonly string[] = APP_KEYS.map(variableOf)
const READ: readonly Setting[] = SETTINGS.filter(setting => isFrom(setting, 'variable'))

export interface FromVariables {
  readonly values: ReadonlyMap<string, readonly Given[]>
  readonly diagnostics: readonly Diagnostic[]
}

export function readVariables(variables: Variables): FromVariables {
  const values = new Map<string, Given[]>()
  for (const setting of READ) {
    const name = variableOf(setting)
    const text = variables[name]
    if (text) values.set(setting.name, splitCommas(setting, text, 'variable').map(toGiven(name)))
  }
  return { values, diagnostics: unknownVariables(variables) }
}

/** The platform's value, for a setting that is not given. */
export function platformValue(setting: 'bind' | 'workers', variables: Variables): Given | null {
  const name = setting === 'bind' ? 'PORT' : 'WEB_CONCURRENCY'
  const text = variables[name]
  return text ? toGiven(name)(setting === 'bind' && /^\d+$/.test(text) ? `0.0.0.0:${text}` : text) : null
}

function toGiven(name: string): (text: string) => Given {
  return text => ({ text, origin: { from: 'variable', name } })
}

function unknownVariables(variables: Variables): Diagnostic[] {
  const known = [...READ.map(variableOf), ...NO_SETTINGS]
  const unknown = Object.keys(variables).filter(
    name => name.startsWith('JUMAK_') && !known.includes(name) && !OF_A_SERVICE.test(name) && variables[name],
  )
  return unknown.map(name => {
    const meant = meantName(
      name.slice('JUMAK_'.length),
      READ.map(one => one.name),
    )
    const setting = READ.find(one => one.name === meant)
    const hint =
      name === 'JUMAK_ENV'
        ? '; set the variables themselves'
        : OF_TABLES.includes(name)
          ? ': it is a key of a table [[app]] in jumak.toml, since each application has its own'
          : setting
            ? `; did you mean ${variableOf(setting)}?`
            : ''
    return { subject: name, message: `there is no setting for the variable ${name}${hint}` }
  })
}
