/**
 * The command of a Dockerfile: the last CMD behind the last ENTRYPOINT, with WORKDIR and ENV. Runs in the command line (`jumak adapt`). Pure, but
 * for what `Replacing` notes.
 *
 * A stage that is built from an earlier one begins with what that one has. Not known: what a base image sets.
 */
import { posix } from 'node:path'
import { shellWords } from '../shell-words.ts'
import { joinedLines } from './continued-lines.ts'
import { type Found, type FoundCommand, NOTHING_SAID } from './found.ts'
import { Replacing } from './variables.ts'

interface Command {
  readonly command: FoundCommand['command']
  readonly line: number
}

interface Stage {
  directory: string | null
  variables: Record<string, string>
  /** Of ARG: known while the image is built, and not to the command. */
  args: Record<string, string>
  cmd: Command | null
  entrypoint: Command | null
}

interface Instruction {
  readonly name: string
  readonly rest: string
  readonly line: number
}

/** `name`: of the file. */
export function readDockerfile(text: string, name: string): Found {
  const stages = new Map<string, Stage>()
  const notes: string[] = []
  let stage = emptyStage()
  let inherited: Command | null = null
  for (const { name: instruction, rest, line } of instructions(text)) {
    // Variables of a Dockerfile itself: a value that is not known is empty, as there.
    const expanded = () => new Replacing({ ...stage.args, ...stage.variables }).replaceIn(rest, '\\$')
    if (instruction === 'FROM') {
      const [, image, as] = /^(?:--\S+\s+)*(\S+)(?:\s+as\s+(\S+))?/i.exec(rest) ?? []
      const base = stages.get(image?.toLowerCase() ?? '')
      stage = base === undefined ? emptyStage() : { ...base, variables: { ...base.variables }, args: {} }
      inherited = stage.cmd
      if (as !== undefined) stages.set(as.toLowerCase(), stage)
    } else if (instruction === 'WORKDIR') stage.directory = posix.resolve(stage.directory ?? '/', unquote(expanded()))
    else if (instruction === 'ENV') Object.assign(stage.variables, assignments(expanded()))
    else if (instruction === 'ARG') Object.assign(stage.args, assignments(expanded()))
    else if (instruction === 'CMD') stage.cmd = { command: commandOf(rest), line }
    else if (instruction === 'ENTRYPOINT') {
      stage.entrypoint = { command: commandOf(rest), line }
      // One of this stage stays.
      if (stage.cmd === inherited) stage.cmd = null
    } else if (instruction === 'USER')
      notes.push(`USER ${rest} stays in ${name}: the container runs as that user already`)
  }
  const whole = wholeCommand(stage)
  if (whole === null)
    return { problem: `${name} has neither CMD nor ENTRYPOINT in its last stage: give the command as words` }
  return {
    ...NOTHING_SAID,
    directory: stage.directory,
    variables: stage.variables,
    command: whole.command,
    place: `${name}:${whole.line}`,
    isContainer: true,
    notes: notes.slice(-1),
  }
}

function emptyStage(): Stage {
  return { directory: null, variables: {}, args: {}, cmd: null, entrypoint: null }
}

/** ENTRYPOINT for a shell takes no words of CMD. */
function wholeCommand({ cmd, entrypoint }: Stage): Command | null {
  if (entrypoint === null || cmd === null) return cmd ?? entrypoint
  if ('text' in entrypoint.command) return entrypoint
  const more = 'words' in cmd.command ? cmd.command.words : ['sh', '-c', cmd.command.text]
  return { command: { words: [...entrypoint.command.words, ...more] }, line: cmd.line }
}

/** A list of JSON is words; all else is for a shell. */
function commandOf(rest: string): FoundCommand['command'] {
  try {
    const parsed: unknown = JSON.parse(rest)
    if (Array.isArray(parsed) && parsed.every(word => typeof word === 'string')) return { words: parsed }
  } catch {
    // Text.
  }
  return { text: rest }
}

/** `ENV A=1 B="two words"`, `ENV A the rest`. */
function assignments(rest: string): Record<string, string> {
  const [name = ''] = /^[^\s=]+/.exec(rest) ?? []
  if (name !== '' && /\s/.test(rest[name.length] ?? '')) return { [name]: rest.slice(name.length).trim() }
  const split = shellWords(rest)
  if ('problem' in split) return {}
  return Object.fromEntries(
    split.words
      .filter(word => word.includes('='))
      .map(word => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  )
}

function unquote(text: string): string {
  const split = shellWords(text)
  return 'words' in split ? split.words.join(' ') : text
}

function instructions(text: string): Instruction[] {
  return joinedLines(text, /^\s*#/, '').flatMap(({ text: whole, line }) => {
    const [, name, rest] = /^\s*([A-Za-z]+)\s+([\s\S]*)$/.exec(whole) ?? []
    return name === undefined ? [] : [{ name: name.toUpperCase(), rest: rest!.trim(), line }]
  })
}
