/**
 * `map`: a variable whose value depends on another text: by exact value, by suffix or prefix of a host, by regular expression, else the
 * default. Runs in the gateway; pure.
 */
import type { VariableMap } from '../../sites/model.ts'
import type { SiteCompiler } from './compiler.ts'
import { PatternList } from './pattern-list.ts'
import type { Lookup } from './site-request.ts'

export function compileMap(map: VariableMap, compiler: SiteCompiler): Lookup {
  const from = compiler.template(map.from)
  const table = (entries: Readonly<Record<string, string>>) =>
    new Map(Object.entries(entries).map(([key, value]) => [key, compiler.template(value)]))
  const exact = table(map.exact)
  const suffixes = table(map.suffixes)
  const prefixes = table(map.prefixes)
  const patterns = new PatternList(map.patterns.map(({ pattern }) => compiler.listedPattern(pattern)))
  const values = map.patterns.map(({ value }) => compiler.template(value))
  const fallback = compiler.template(map.default)
  return {
    from,
    look: (text, request) => {
      const lower = text.toLowerCase()
      const same = exact.get(lower)
      if (same !== undefined) return same(request)
      if (suffixes.size > 0)
        for (let dot = lower.indexOf('.', 1); dot >= 0; dot = lower.indexOf('.', dot + 1)) {
          const found = suffixes.get(lower.slice(dot))
          if (found !== undefined) return found(request)
        }
      if (prefixes.size > 0)
        for (let dot = lower.lastIndexOf('.'); dot > 0; dot = lower.lastIndexOf('.', dot - 1)) {
          const found = prefixes.get(lower.slice(0, dot + 1))
          if (found !== undefined) return found(request)
        }
      const index = patterns.first(request, text)
      return (index < 0 ? fallback : values[index]!)(request)
    },
  }
}
