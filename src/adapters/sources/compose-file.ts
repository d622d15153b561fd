/**
 * The command of a service of a Docker Compose file, with its `working_dir` and `environment`. Runs in the command line (`jumak adapt`). Pure, but for
 * what `Replacing` notes.
 *
 * Compose itself replaces `$NAME` first, and `$$` is a dollar; then a text is words, and no shell is started for it.
 */
import { shellWords } from '../shell-words.ts'
import { type Found, type FoundCommand, NOTHING_SAID } from './found.ts'
import { Replacing } from './variables.ts'
import { type Entry, entriesOf, linesOf, scalarOrList, variablesOf, YamlProblem } from './yaml-keys.ts'

type Variables = Readonly<Record<string, string | undefined>>
type FoundService = Found & { readonly replacing?: Replacing }

/** `name`: of the file. `service`: null: the one whose command has one of `programs`. `variables`: of this process, and of `.env`. */
export function readCompose(
  text: string,
  name: string,
  service: string | null,
  programs: readonly string[],
  variables: Variables,
): FoundService {
  try {
    return read(text, name, service, programs, variables)
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error
    return {
      problem: `${name}:${error.message}; give the command of the service as words, as in jumak adapt gunicorn shop.wsgi`,
    }
  }
}

function read(
  text: string,
  name: string,
  wanted: string | null,
  programs: readonly string[],
  variables: Variables,
): FoundService {
  const top = entriesOf(linesOf(text)).find(({ key }) => key === 'services')
  const services = top === undefined ? [] : entriesOf(top.body)
  if (services.length === 0) return { problem: `${name} has no services` }
  const names = services.map(({ key }) => key).join(', ')
  if (wanted !== null && !services.some(({ key }) => key === wanted))
    return { problem: `${name} has no service ${wanted}; it has ${names}` }
  const candidates = services.filter(one => (wanted === null ? startsOne(one, programs) : one.key === wanted))
  if (candidates.length !== 1) {
    const found = candidates.length === 0 ? 'no service' : 'several services'
    return {
      problem: `${name} has ${found} with a command of ${programs.join(', ')}: choose one with --service NAME (${names})`,
    }
  }
  return ofService(candidates[0]!, name, variables)
}

/** `/venv/bin/gunicorn` has the word, and `gunicorn.conf.py` has not. */
const WORD_ENDS = /[\s"',[\]/;&]+/

function startsOne({ body }: Entry, programs: readonly string[]): boolean {
  const texts = entriesOf(body)
    .filter(isCommand)
    .map(one => [one.value, ...one.body.map(line => line.text)].join(' '))
  return texts.some(text => text.split(WORD_ENDS).some(word => programs.includes(word)))
}

function isCommand({ key }: Entry): boolean {
  return key === 'command' || key === 'entrypoint'
}

function ofService({ key: service, body }: Entry, name: string, variables: Variables): FoundService {
  const replacing = new Replacing(variables)
  // Secrets among them are nobody's business, and may be missing here.
  const quietly = new Replacing(variables)
  const keys = new Map(entriesOf(body).map(one => [one.key, one]))
  const [command, entrypoint] = [keys.get('command'), keys.get('entrypoint')]
  const inherited = keys.has('<<') ? '<<' : keys.has('extends') ? 'extends' : null
  if (command === undefined && entrypoint === undefined) {
    const where =
      inherited === null
        ? 'it is that of its image: give its Dockerfile, or the command as words'
        : `perhaps ${inherited} brings one: give it as words`
    return { problem: `${name}: service ${service} has no command; ${where}` }
  }
  const words: string[] = []
  for (const one of [entrypoint, command]) {
    const written = one === undefined ? null : scalarOrList(one)
    const split =
      written === null
        ? { words: [] }
        : typeof written === 'string'
          ? shellWords(interpolated(written, replacing))
          : { words: written.map(word => interpolated(word, replacing)) }
    if ('problem' in split) return { problem: `${name}:${one!.line}: ${one!.key} ${split.problem}` }
    words.push(...split.words)
  }
  const directory = keys.has('working_dir') ? scalarOrList(keys.get('working_dir')!) : null
  const own: Record<string, string> = {}
  if (keys.has('environment'))
    for (const [variable, value] of variablesOf(keys.get('environment')!))
      if (value !== null) own[variable] = interpolated(value, quietly)
  const notes: string[] = []
  if (keys.has('env_file')) notes.push(`env_file of ${service} stays in ${name}; its variables are not known here`)
  if (keys.has('user')) notes.push(`user of ${service} stays in ${name}: the container runs as that user already`)
  if (inherited !== null)
    notes.push(`${inherited} of ${service} is not read: what it brings besides the command may count`)
  const found: FoundCommand = {
    ...NOTHING_SAID,
    command: { words },
    place: `${name}:${(command ?? entrypoint)!.line}`,
    directory: typeof directory === 'string' ? interpolated(directory, replacing) : null,
    variables: own,
    isContainer: true,
    notes,
  }
  return { ...found, replacing }
}

function interpolated(text: string, replacing: Replacing): string {
  return replacing.replaceIn(text, '$$')
}
