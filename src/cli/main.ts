/**
 * Entry of the program: reads the command line, and becomes the master. Exit codes: 0 ended as asked, 1 failure while running, 2
 * usage or configuration, 3 the application could not be loaded.
 */
import { writeSync } from 'node:fs'
import { version } from '../base/version.ts'
import { parseArguments } from '../config/arguments.ts'
import { loadConfig } from '../config/load.ts'
import { formatHelp } from './help.ts'

const OLDEST_NODE = 24

async function main(): Promise<number> {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE)
    return fail(1, [`needs Node ${OLDEST_NODE} or newer, this is ${process.versions.node}`])
  const args = parseArguments(process.argv.slice(2))
  if (args.help) return print(formatHelp(useColour()))
  if (args.version) return print(`jumak ${version} (Node ${process.versions.node})\n`)
  const loaded = loadConfig(args, { cwd: process.cwd(), pwd: process.env['PWD'] })
  if ('problems' in loaded) return fail(2, [...loaded.problems, "try 'jumak --help'"])
  const { runMaster } = await import('../master/main.ts')
  return runMaster(loaded.config)
}

function useColour(): boolean {
  return process.stdout.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
}

function print(text: string): number {
  writeSync(1, text)
  return 0
}

function fail(code: number, problems: readonly string[]): number {
  writeSync(2, problems.map(problem => `jumak: ${problem}\n`).join(''))
  return code
}

process.exitCode = await main()
