/**
 * The start in four lines, for people who did not ask for more (`--log-level debug`): address and application, what it runs on, static
 * files, `ready`. Made from the facts of `start-facts.ts`; warnings are lines of their own. Pure.
 *
 *     Jumak 0.1.0, process 4711, on http://127.0.0.1:8000: found manage.py: Django project 'inn', serving inn.wsgi
 *       WSGI         Django 5.2.19, Python 3.11.7 (.venv), imported once, workers 2 × 1 thread (auto: 2 cores)
 *       static       /static/ from /srv/inn/staticfiles (STATIC_ROOT)
 *     ready
 *
 * If the gateway has several threads, a line says how many: `gateway      3 threads (auto: 12 cores)`.
 *
 * Without an application the first line ends with `2 sites, no application`.
 *
 * Of several applications, the first lines say where each is, and each has the other lines under its name:
 *
 *     Jumak 0.1.0, process 4711, on http://127.0.0.1:8000: 2 applications
 *       shop         /              found manage.py: Django project 'inn', serving inn.wsgi
 *       api          api.example.kr serving api:app
 *     shop    WSGI         Django 5.2.19, Python 3.11.7 (.venv), imported once, workers 2 × 1 thread (auto: 2 cores)
 *     shop  ready
 *     api     ASGI         FastAPI 0.115, Python 3.11.7 (.venv), imported once, workers 1 × up to 100 requests
 *     api   ready
 *     ready: 2 applications serve
 */
import type { Config } from '../../config/types.ts'
import type { Fact, Told } from '../../observe/log.ts'
import type { NarratedGeneration } from './narrated.ts'
import { applicationPlaces, describeSites, type GatewayThreads, gatewayFacts } from './start-facts.ts'

/** Comes before the import, because an import may hang, and people need the address. */
export function summarizeProgram(told: Told, config: GatewayThreads & Pick<Config, 'apps' | 'sites'>): Told {
  const { apps } = config
  const gateway = gatewayFacts(config)
  const addresses = textsOf(told.facts, 'address').join(', ')
  const [app] = apps
  const headline = `${told.headline}, on ${addresses}`
  if (apps.length > 1)
    return {
      ...told,
      headline: `${headline}: ${apps.length} applications`,
      facts: [...applicationPlaces(apps), ...gateway],
    }
  if (app === undefined) return { ...told, headline: `${headline}: ${describeSites(config)}`, facts: gateway }
  const { target } = app
  const what = target.found === '' ? `serving ${target.display}` : target.found
  return { ...told, headline: `${headline}: ${what}`, facts: [...gateway, ...only(told.facts, 'static')] }
}

export function summarizeApplication(
  told: Told,
  { application, python, preload }: Pick<NarratedGeneration, 'application' | 'python' | 'preload'>,
): Told {
  const parts = [
    application?.framework ?? '',
    `Python ${application?.python} (${python?.reason.replace(" in the application's directory", '')})`,
    preload === 'off' ? 'imported by each worker' : 'imported once',
    ...only(told.facts, 'workers').map(({ text }) => `workers ${text}`),
  ]
  const made = { label: application?.interface.toUpperCase() ?? '', text: parts.filter(Boolean).join(', ') }
  return { ...told, facts: [made, ...only(told.facts, 'pools'), ...only(told.facts, 'static')] }
}

function only(facts: readonly Fact[], label: string): Fact[] {
  return facts.filter(fact => fact.label === label)
}

/** The text of the fact with this label, and of the facts without a label that follow it. */
function textsOf(facts: readonly Fact[], label: string): string[] {
  const start = facts.findIndex(fact => fact.label === label)
  const rest = start < 0 ? [] : facts.slice(start + 1)
  const end = rest.findIndex(fact => fact.label !== '')
  return facts.slice(start, start + 1 + (end < 0 ? rest.length : end)).map(({ text }) => text)
}
