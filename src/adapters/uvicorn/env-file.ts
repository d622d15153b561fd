/**
 * The file of `--env-file`: two of its variables are settings of uvicorn, which reads it after its command line. All else is for the
 * application, and the master reads it for that. Reads one file.
 */
import { parseEnvFile } from '../../base/env-file.ts'
import { readText } from '../../config/machine/files.ts'

/** Empty, if the file is wrong: the setting it becomes says so. */
export function variablesOf(path: string): Readonly<Record<string, string>> {
  const parsed = parseEnvFile(readText(path) ?? '')
  return 'variables' in parsed ? parsed.variables : {}
}

/** Phrases about what is read in another way than there. */
export function envFileNotes(path: string): string[] {
  const expanded = Object.entries(variablesOf(path)).filter(([, value]) => value.includes('${'))
  const names = expanded.map(([name]) => name).join(', ')
  return expanded.length === 0
    ? []
    : [`has \${…} in ${names}, which stays as it is here: write the value, as Docker and systemd need it too`]
}
