/** gunicorn's defaults, where they are not ours. Pure. */
import type { Translation } from '../translation.ts'

export function defaults(to: Translation): void {
  to.standard('gunicorn', 'workers', '1')
  to.standard('gunicorn', 'keep-alive', '2s')
}
