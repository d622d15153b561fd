/** To which part of the whole a frame belongs: the colours of a flame graph, and the shares that are printed. */
import type { Stacks } from './stacks.ts'

export interface Layer {
  readonly name: string
  readonly colour: string
  /** Of a frame (see stacks.ts). */
  readonly pattern: RegExp
  /** What it calls of the runtime is its own too. */
  readonly ownsNative?: true
}

/** The first that matches counts. */
export const LAYERS: readonly Layer[] = [
  {
    name: 'garbage collector',
    colour: '#d9a3a3',
    pattern:
      /^\(garbage collector\)|v8::internal::(Scaveng|Heap::(Collect|Perform|Scavenge)|MarkCompact|.*Marking|Sweeper)/,
    ownsNative: true,
  },
  {
    name: 'compiler',
    colour: '#cdb4db',
    pattern: /v8::internal::(compiler|maglev|baseline|Optimiz|Compiler|OptimizedComp|.*CompilationJob|Tiering)/,
    ownsNative: true,
  },
  { name: 'http1', colour: '#f4a259', pattern: / \(src\/http1\// },
  { name: 'apps', colour: '#f6c667', pattern: / \(src\/apps\// },
  { name: 'gateway', colour: '#e8856b', pattern: / \(src\/gateway\// },
  { name: 'websocket', colour: '#e5989b', pattern: / \((src\/websocket|node_modules\/ws)\// },
  { name: 'rest of src', colour: '#f2dda4', pattern: / \(src\// },
  { name: 'node', colour: '#9cc5a1', pattern: / \(node:/ },
  { name: 'worker', colour: '#f4a259', pattern: / \(python\/jumak_worker\// },
  { name: 'application', colour: '#8ecae6', pattern: / \(bench\/apps\// },
  { name: 'its packages', colour: '#a9def9', pattern: / \(site-packages\// },
  { name: 'standard library', colour: '#9cc5a1', pattern: / \((python3\.\d+\/|<frozen )/ },
  { name: 'made at run time', colour: '#f6c667', pattern: / \(<.*>:\d+\)$/ },
  { name: '(program)', colour: '#c9ccd3', pattern: /^\(program\)/ },
  { name: 'kernel', colour: '#a3b8cc', pattern: / \(kernel\)$/ },
  { name: 'native', colour: '#d3d7de', pattern: / \((native|thread)\)$/ },
]

const OTHER: Layer = { name: 'other', colour: '#e5e5e5', pattern: /^/ }

/** `caller`: the layer of the frame before it; null at the root. */
export function layerOf(frame: string, caller: Layer | null): Layer {
  const own = LAYERS.find(layer => layer.pattern.test(frame)) ?? OTHER
  return caller?.ownsNative && own.name === 'native' ? caller : own
}

/** Samples whose last frame belongs to a layer, largest first. */
export function samplesByLayer(stacks: Stacks): [Layer, number][] {
  const sums = new Map<Layer, number>()
  for (const [stack, count] of stacks) {
    let layer: Layer | null = null
    for (const frame of stack.split(';')) layer = layerOf(frame, layer)
    if (layer !== null) sums.set(layer, (sums.get(layer) ?? 0) + count)
  }
  return [...sums].sort((a, b) => b[1] - a[1])
}
