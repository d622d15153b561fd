/**
 * Warnings: settings that a location has itself, and that nothing in it uses. Runs in the command line, and in the master when it reloads.
 */
import type { Location } from '../sites/model.ts'
import { warnOfUselessCgi } from './assemble-cgi.ts'
import { warnOfUselessParams, warnOfUselessProxy } from './assemble-upstreams.ts'
import { locationKeys, locationSettings } from './settings/site-keys.ts'
import type { Values } from './values.ts'

const OF_FILES = ['index', 'autoindex', 'etag', 'types', 'ifModifiedSince'] as const
const OF_APPLICATIONS = ['timeout', 'requestBuffering'] as const
/** Upstreams have them too. */
const OF_HANDLERS = ['bodyLimit', 'interceptErrors'] as const

export function warnOfUseless(values: Values, { handler, locations, tryFiles, settings, match }: Location): void {
  const isAlone = locations.length === 0 && tryFiles.length === 0
  for (const name of OF_FILES)
    values.warnUseless(isAlone && handler.kind !== 'files', locationSettings[name], 'in a location without files')
  values.warnUseless(
    isAlone && handler.kind !== 'files' && handler.kind !== 'cgi',
    locationSettings.disableSymlinks,
    'in a location without files',
  )
  warnOfUselessCgi(values, locations.length === 0 && handler.kind !== 'cgi')
  const isPassedOn = 'upstream' in handler
  const hasNoApp = locations.length === 0 && handler.kind !== 'app'
  for (const name of OF_APPLICATIONS) values.warnUseless(hasNoApp, locationSettings[name], 'in a location without app')
  for (const name of OF_HANDLERS)
    values.warnUseless(
      hasNoApp && !isPassedOn,
      locationSettings[name],
      'in a location without app, proxy, fastcgi, scgi, uwsgi or cgi',
    )
  warnOfUselessProxy(values, locations.length === 0 && !isPassedOn)
  warnOfUselessParams(values, handler.kind, locations.length === 0)
  values.warnUseless(
    settings.interceptsErrors && settings.errorPages.length === 0,
    locationSettings.interceptErrors,
    'without error-page',
  )
  values.warnUseless(settings.limitRate === null, locationSettings.limitRateAfter, 'without limit-rate')
  values.warnUseless(!settings.absoluteRedirect, locationSettings.portInRedirect, 'without absolute-redirect')
  values.warnUseless(
    match.kind === 'named',
    locationKeys.internal,
    'here: only the program itself comes to a named location',
  )
}
