/** Projects with CGI programs, for tests: files that the programs' user may run, whoever runs the tests, and the spawner's process. */
import { chmodSync, readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { Project } from './project.ts'
import type { Server } from './server.ts'

/** Programs never run as root. */
const USER = process.getuid?.() === 0 ? ['--cgi-user', 'nobody'] : []

/** `programs`: below `cgi-bin/`. `toml`: `jumak.toml`. */
export function cgiProject(
  t: TestContext,
  programs: Readonly<Record<string, string>>,
  toml: string,
  files: Readonly<Record<string, string>> = {},
): Project {
  const project = new Project(t, { ...files, 'jumak.toml': toml })
  chmodSync(project.directory, 0o755)
  for (const [name, text] of Object.entries(programs)) {
    project.save(`cgi-bin/${name}`, text)
    chmodSync(project.path(`cgi-bin/${name}`), 0o755)
  }
  if (Object.keys(programs).length > 0) chmodSync(project.path('cgi-bin'), 0o755)
  return project
}

/** Words for the command line. */
export const CGI_ARGS: readonly string[] = USER

/** Of the spawner: the child of the master that is no process of Node. Undefined: there is none now. */
export function spawnerOf({ pid }: Server): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).map(Number)
  return children.find(one => readFileSync(`/proc/${one}/cmdline`, 'utf8').endsWith('\0cgi\0'))
}
