/**
 * What only compiling finds in sites: variables that nobody defines or uses, regular expressions, locations that stand twice. The code that serves
 * looks (`routing/sites/`), so nothing passes here and fails there. Runs in the command line, and in the master when it reloads.
 */
import { loadNow } from '../base/load-now.ts'
import type { SitesModel } from '../sites/model.ts'
import { formatPlace } from './sources/given.ts'
import type { Values } from './values.ts'

export function checkSites(model: SitesModel, values: Values): void {
  if (model.sites.length === 0) return
  // Most configurations have no site, and each start would load what compiles them.
  const { compileSites } = loadNow<typeof import('../routing/sites/compile.ts')>(
    import.meta,
    '../routing/sites/compile',
  )
  const { problems, doubts } = compileSites(model)
  for (const { place, problem } of problems)
    values.tell({ from: 'file', file: place.file, directory: '', position: place }, problem)
  values.warnings.push(...doubts.map(({ place, problem }) => `${formatPlace(place.file, place)}: ${problem}`))
}
