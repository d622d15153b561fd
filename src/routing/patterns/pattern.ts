import type { Problem } from '../sites/problem.ts'

export interface CompiledPattern {
  readonly exec: (subject: string) => readonly (string | undefined)[] | null
  readonly names: ReadonlyMap<string, number>
}

export function compilePattern(source: string, options: { readonly ignoresCase: boolean }): CompiledPattern | Problem {
  try {
    const regexp = new RegExp(source, options.ignoresCase ? 'i' : '')
    const names = new Map<string, number>()
    let n = 0
    for (const m of source.matchAll(/\\.|\((?!\?)|\(\?P?<([A-Za-z_]\w*)>/g)) {
      if (!m[0].startsWith('(')) continue
      n++
      if (m[1]) names.set(m[1], n)
    }
    return { exec: subject => regexp.exec(subject), names }
  } catch (error) {
    return { problem: `is wrong: ${(error as Error).message}` }
  }
}
