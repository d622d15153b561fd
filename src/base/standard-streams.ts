/**
 * The paths that stand for standard output and error, such as /dev/stdout. Do not open them, write to the descriptor instead: opening
 * fails for a socket (the journal of systemd), and after `--user` for what root has opened (the pipes of Docker).
 */
const NAME = /^\/(?:dev\/(?:std(out|err)|fd\/([12]))|proc\/self\/fd\/([12]))$/

/** The descriptor that the path stands for; null: another path. */
export function standardStream(path: string): 1 | 2 | null {
  const [, word, dev, proc] = NAME.exec(path) ?? [path, '', '', '']
  const name = word || dev || proc
  if (!name) return null
  return name === 'out' || name === '1' ? 1 : 2
}
