/**
 * Settings of locations that may stand at the top of the file: all sites inherit them. Those that applications have under the same name
 * (`limit-request-body`) stand there already, as settings of applications.
 */
import { SETTINGS } from './index.ts'
import type { Setting } from './setting.ts'
import { handlerKeys, locationSettings } from './site-keys.ts'

const TAKEN: ReadonlySet<string> = new Set(SETTINGS.map(({ name }) => name))

export const SITE_DEFAULTS: readonly Setting[] = [
  handlerKeys.root,
  ...Object.values(locationSettings).filter(
    setting => setting !== locationSettings.tryFiles && !TAKEN.has(setting.name),
  ),
]

/** At the top `error-page` has pages for Jumak's own answers, `502=errors/502.html`, and rules of sites, `404 /404.html`. */
export function isRuleOfSites(text: string): boolean {
  return /^\d+\s/.test(text)
}
