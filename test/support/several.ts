/**
 * Several applications behind one program, for tests: each is the application of `life.ts`, which says who it is, in a directory of its
 * own.
 */
import { chmodSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { type Answer, ask, LIFE } from './life.ts'
import { Project } from './project.ts'
import type { Server } from './server.ts'

/** Lines of each `[[app]]`, by its name. Each has `path = "/NAME"`, its own directory and one worker, unless its lines say otherwise. */
export type Tables = Readonly<Record<string, string>>

/** A directory with the file of settings, and below it a directory with an application for each table. Every user may read it. */
export function severalApplications(t: TestContext, tables: Tables, top = ''): Project {
  const project = new Project(t, { 'jumak.toml': fileOf(tables, top) })
  for (const name of Object.keys(tables)) project.save(`${name}/app.py`, LIFE)
  chmodSync(project.directory, 0o755)
  return project
}

/** The text of a `jumak.toml`. */
export function fileOf(tables: Tables, top = ''): string {
  return `${top}\n${Object.entries(tables)
    .map(([name, lines]) => table(name, lines))
    .join('\n')}`
}

function table(name: string, lines: string): string {
  // The line break keeps a table that comes first out of `own`.
  const [own = '', ...pools] = `\n${lines}`.split(/^(?=\[\[)/m)
  const defaults = { path: `"/${name}"`, app: '"app.py"', chdir: `"${name}"`, workers: '1' }
  const missing = Object.entries(defaults).filter(([key]) => !new RegExp(`^${key} *=`, 'm').test(own))
  const all = missing.map(([key, value]) => `${key} = ${value}\n`).join('')
  return `[[app]]\nname = "${name}"\n${all}${own}\n${pools.join('')}\n`
}

/** What the application at `/NAME` says of itself. */
export function askOf(server: Server, name: string, path = '/'): Promise<Answer> {
  return ask(server.port, `/${name}${path}`)
}
