/** What the spawner of CGI programs is told of the configuration. Runs in the master; pure. */
import type { Config } from '../../config/types.ts'
import type { CgiPrograms } from '../../control/cgi-messages.ts'

/** What programs have of our own environment, if it is there. */
const USUAL = ['PATH', 'LANG', 'LC_ALL', 'TZ']
/** A service manager may give none, and a shell would have a PATH of its own, which programs do not see. */
const PATH = '/usr/local/bin:/usr/bin:/bin'

export function cgiPrograms(
  { cgi, sites }: Pick<Config, 'cgi' | 'sites'>,
  token: string,
  environment: Readonly<Record<string, string | undefined>>,
): CgiPrograms {
  const variablesOf = (names: readonly string[]): Record<string, string> => ({
    PATH,
    ...Object.fromEntries(
      [...USUAL, ...names].flatMap(name => (environment[name] === undefined ? [] : [[name, environment[name]]])),
    ),
  })
  return {
    type: 'programs',
    processes: cgi.processes,
    token,
    programs: Object.fromEntries(
      sites.cgiPrograms.map(({ key, variables, ...program }) => [
        key,
        { ...program, variables: variablesOf(variables) },
      ]),
    ),
  }
}
