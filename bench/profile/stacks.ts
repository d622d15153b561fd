/**
 * Sampled stacks, in the form that all flame graph tools know ("collapsed"): frames from the root to the leaf with `;` between
 * them, and how often they were seen. A frame here is `name (place)`, where place is `src/http1/parser.ts:268`, `node:net:1293`,
 * `kernel` or `native`. What V8, perf and the worker's sampler say becomes this.
 */

/** Stack → number of samples. */
export type Stacks = Map<string, number>

const NAME_CHARACTERS = 100

export function frame(name: string, place: string): string {
  const short = name.length > NAME_CHARACTERS ? `${name.slice(0, NAME_CHARACTERS)}…` : name
  return `${short} (${place})`.replaceAll(';', ':')
}

export function add(stacks: Stacks, frames: readonly string[], count: number): void {
  const stack = frames.join(';')
  stacks.set(stack, (stacks.get(stack) ?? 0) + count)
}

export function samplesIn(stacks: Stacks): number {
  let sum = 0
  for (const count of stacks.values()) sum += count
  return sum
}

export function formatCollapsed(stacks: Stacks): string {
  return [...stacks].map(([stack, count]) => `${stack} ${count}\n`).join('')
}

export function parseCollapsed(text: string): Stacks {
  const stacks: Stacks = new Map()
  for (const line of text.split('\n').filter(line => line !== '')) {
    const space = line.lastIndexOf(' ')
    const count = Number(line.slice(space + 1))
    if (space < 1 || !Number.isInteger(count) || count < 1)
      throw new Error(`no collapsed stack, which is frames, a space and a number: ${line.slice(0, 200)}`)
    add(stacks, [line.slice(0, space)], count)
  }
  return stacks
}

/** A path or URL as it is shown: from the root of this project, of a package, or of a library. `root` ends without a slash. */
export function shortPlace(path: string, root: string): string {
  const plain = path.startsWith('file://') ? decodeURIComponent(path.slice('file://'.length)) : path
  if (plain.startsWith(`${root}/`) && !plain.startsWith(`${root}/.cache/`)) return plain.slice(root.length + 1)
  return plain.replace(/^.*\/(?=site-packages\/)/, '').replace(/^.*\/lib\/(?=python3\.\d+\/)/, '')
}

/** A profile as V8's profiler makes it (`.cpuprofile`). */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    /** How many samples ended here. */
    readonly hitCount?: number
    readonly children?: readonly number[]
    /** `lineNumber` counts from 0. `url` is empty for what is no JavaScript. */
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
}

/** `idle`: samples in which the process waited. They are in no stack: waiting costs nothing. */
export function fromCpuProfile(profile: CpuProfile, root: string): { stacks: Stacks; idle: number } {
  const nodes = new Map(profile.nodes.map(node => [node.id, node]))
  const stacks: Stacks = new Map()
  let idle = 0
  const walk = (id: number, above: readonly string[]) => {
    const { callFrame, hitCount = 0, children = [] } = nodes.get(id)!
    if (callFrame.functionName === '(idle)') {
      idle += hitCount
      return
    }
    const frames = callFrame.functionName === '(root)' ? above : [...above, nameOf(callFrame, root)]
    if (hitCount > 0 && frames.length > 0) add(stacks, frames, hitCount)
    for (const child of children) walk(child, frames)
  }
  if (profile.nodes.length > 0) walk(profile.nodes[0]!.id, [])
  return { stacks, idle }
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame'], root: string): string {
  // (program), (garbage collector)
  if (functionName.startsWith('(') && url === '') return functionName
  const name = functionName === '' ? 'anonymous' : functionName
  return url === '' ? frame(name, 'native') : frame(name, `${shortPlace(url, root)}:${Math.max(1, lineNumber + 1)}`)
}

/** What agents/sitecustomize.py writes: collapsed stacks whose frames are name, tab, file and line. */
export function fromWorkerSampler(text: string, root: string): Stacks {
  const stacks: Stacks = new Map()
  for (const [stack, count] of parseCollapsed(text)) {
    const frames = stack.split(';').map(one => {
      const [name, place] = one.split('\t')
      return place === undefined ? one : frame(name!, shortPlace(place, root))
    })
    add(stacks, frames, count)
  }
  return stacks
}

/** The output of `perf script -F comm,pid,tid,ip,sym,dso`, by process. */
export function fromPerfScript(text: string, root: string): Map<number, Stacks> {
  const processes = new Map<number, Stacks>()
  for (const sample of text.split('\n\n')) {
    const [head, ...lines] = sample.split('\n').filter(line => line !== '')
    const thread = /^(.*\S)\s+(\d+)\/\d+/.exec(head ?? '')
    if (thread === null) continue
    const pid = Number(thread[2])
    const stacks = processes.get(pid) ?? new Map()
    processes.set(pid, stacks)
    const frames = lines.map(line => perfFrame(line, root)).filter(one => one !== '')
    add(stacks, [`${thread[1]} (thread)`, ...frames.reverse()], 1)
  }
  return processes
}

/** `ip symbol (object)`; JavaScript as V8 names it for perf: `JS:*'name file:line:column`, where `*` says how it is compiled. */
function perfFrame(line: string, root: string): string {
  const [, symbol, object] = /^\s*[0-9a-f]+ (.*) \((.*)\)$/.exec(line) ?? []
  if (symbol === undefined || object === undefined || symbol === '[unknown]') return ''
  const name = symbol.replace(/\+0x[0-9a-f]+$/, '')
  const script = /^JS:[*+^~]?'?(.*?) ?(\S+):(\d+):\d+$/.exec(name)
  if (script !== null) return frame(script[1] || 'anonymous', `${shortPlace(script[2]!, root)}:${script[3]}`)
  if (object.startsWith('[kernel') || object.endsWith('.ko')) return frame(name, 'kernel')
  return frame(name.replace(/^JS:[*+^~]?'?/, ''), 'native')
}
