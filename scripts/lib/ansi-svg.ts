/** What a terminal shows, as an SVG: text with colours, on a dark window. Pure. */

const CHARACTER = 8.4
const LINE = 19
const [MARGIN, TOP] = [16, 44]
const SIZE = 14
const BACKGROUND = '#16191f'
const FOREGROUND = '#d7dae0'
const FAINT = '#8a919e'

/** By the number of the SGR code. The bright ones are the same. */
const COLOURS: Readonly<Record<number, string>> = {
  30: '#5c6370',
  31: '#f47067',
  32: '#8ddb8c',
  33: '#e5c07b',
  34: '#6cb6ff',
  35: '#dcbdfb',
  36: '#56d4dd',
  37: FOREGROUND,
}

interface Look {
  readonly colour: string
  readonly isBold: boolean
}

interface Run extends Look {
  readonly column: number
  readonly text: string
}

const PLAIN: Look = { colour: FOREGROUND, isBold: false }

/** @param title - Read aloud, and shown at the top. */
export function terminalSvg(shown: string, title: string): string {
  const lines = parse(shown)
  const columns = Math.max(...lines.flatMap(runs => runs.map(({ column, text }) => column + width(text))))
  const [w, h] = [Math.ceil(columns * CHARACTER) + 2 * MARGIN, TOP + lines.length * LINE + MARGIN / 2]
  const texts = lines.flatMap((runs, i) => runs.map(run => draw(run, TOP + i * LINE)))
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" role="img" aria-labelledby="title" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${SIZE}">
<title id="title">${inXml(title)}</title>
<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>
<text x="${MARGIN}" y="22" font-size="12" fill="${FAINT}">${inXml(title)}</text>
${texts.join('\n')}
</svg>
`
}

/** The width is given, so that columns stand below one another in every font. */
function draw({ column, text, colour, isBold }: Run, y: number): string {
  const x = MARGIN + column * CHARACTER
  const weight = isBold ? ' font-weight="600"' : ''
  return `<text x="${x.toFixed(1)}" y="${y}" fill="${colour}"${weight} textLength="${(width(text) * CHARACTER).toFixed(1)}" xml:space="preserve">${inXml(text)}</text>`
}

/** Runs of one look, without the spaces around them. Other control sequences than colours are left out. */
function parse(shown: string): Run[][] {
  let look = PLAIN
  return shown
    .replaceAll('\r', '')
    .trimEnd()
    .split('\n')
    .map(line => {
      const runs: Run[] = []
      let column = 0
      for (const piece of line.split(/(\x1b\[[0-9;?]*[A-Za-z])/)) {
        if (piece.startsWith('\x1b[')) {
          if (piece.endsWith('m')) look = changed(look, piece.slice(2, -1))
          continue
        }
        const text = piece.trim()
        if (text !== '') runs.push({ ...look, column: column + piece.indexOf(text), text })
        column += width(piece)
      }
      return runs
    })
}

function changed(look: Look, codes: string): Look {
  let { colour, isBold } = look
  for (const code of codes.split(';').map(Number)) {
    if (code === 0) [colour, isBold] = [FOREGROUND, false]
    else if (code === 1) isBold = true
    else if (code === 2) colour = FAINT
    else if (code === 22) [colour, isBold] = [colour === FAINT ? FOREGROUND : colour, false]
    else if (code === 39) colour = FOREGROUND
    else if (code >= 30 && code <= 37) colour = COLOURS[code]!
    else if (code >= 90 && code <= 97) colour = code === 90 ? FAINT : COLOURS[code - 60]!
  }
  return { colour, isBold }
}

const width = (text: string) => [...text].length

function inXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}
