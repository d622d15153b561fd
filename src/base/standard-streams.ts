/**
 * The names that systems have for the standard streams of the program. Opening them is another thing than writing to the stream:
 * it fails for a socket (the journal of systemd) and, after `--user`, for what root has opened (the pipes of Docker).
 */
const NAME = /^\/(?:dev\/(?:std(out|err)|fd\/([12]))|proc\/self\/fd\/([12]))$/

/** The descriptor; null for any other path. */
export function standardStream(path: string): 1 | 2 | null {
  const [, word, dev, proc] = NAME.exec(path) ?? [path, '', '', '']
  const name = word || dev || proc
  if (!name) return null
  return name === 'out' || name === '1' ? 1 : 2
}
