/** The command of a Procfile (Heroku, Dokku, honcho): a line `web: gunicorn shop.wsgi`, for a shell. Pure. */
import { type Found, NOTHING_SAID } from './found.ts'

/** `name`: of the file. `process`: of its processes; null: `web`, or the only one. */
export function readProcfile(text: string, name: string, process: string | null): Found {
  const entries = text.split(/\r?\n/).flatMap((line, i) => {
    const [, key, command] = /^([\w.-]+):(.*)$/.exec(line) ?? []
    const trimmed = command?.trim()
    return key === undefined || !trimmed ? [] : [{ key, command: trimmed, place: `${name}:${i + 1}` }]
  })
  const found =
    entries.find(({ key }) => key === (process ?? 'web')) ??
    (process === null && entries.length === 1 ? entries[0] : undefined)
  if (found === undefined) {
    const others = entries.map(({ key }) => key).join(', ')
    return {
      problem: `${name} has no process ${process ?? 'web'}${others === '' ? '' : `; it has ${others}: choose one with --service NAME`}`,
    }
  }
  const others = entries.filter(one => one !== found).map(({ key }) => key)
  const notes = others.length === 0 ? [] : [`${name} has other processes, which stay there: ${others.join(', ')}`]
  return { ...NOTHING_SAID, command: { text: found.command }, place: found.place, notes }
}
