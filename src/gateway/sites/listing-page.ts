/**
 * The list of a directory as a page for people, or as JSON in nginx's form. Runs in the gateway; pure.
 *
 * Invariant: names are anybody's words (who uploads a file chooses its name). In HTML each is escaped, and each link has its name in escapes.
 */
import type { Listed, Listing } from '../../handlers/static/listing.ts'
import { escapeHtml } from '../errors/html.ts'

/** `path`: of the request as it was sent, without query. */
export function listingPage({ entries, isCut }: Listing, path: string): string {
  const title = readable(path)
  // A path without a slash at its end may be a directory too (try-files): its links begin with its own name.
  const base = path.endsWith('/') ? '' : `${path.slice(path.lastIndexOf('/') + 1)}/`
  const rows = entries.map(entry => row(entry, base)).join('')
  const up = title === '/' ? '' : `<tr class=up><td><a href="${base === '' ? '../' : './'}">Up</a><td><td>\n`
  return `${HEAD}<title>${escapeHtml(title)}</title>
${STYLE}<h1>${crumbs(title)}</h1>
<table>
<thead><tr><th>Name<th>Size<th>Changed (UTC)
<tbody>
${up}${rows}</table>
<p>${footer(entries, isCut)}</p>
`
}

/** As nginx writes it: `name`, `type`, `mtime`, and the `size` of files. */
export function listingJson({ entries }: Listing): string {
  const lines = entries.map(({ name, isDirectory, size, modified }) => {
    const type = isDirectory ? 'directory' : 'file'
    const end = isDirectory ? '' : `, "size":${size}`
    return `{ "name":${JSON.stringify(name)}, "type":"${type}", "mtime":"${new Date(modified).toUTCString()}"${end} }`
  })
  return `[\r\n${lines.join(',\r\n')}${lines.length === 0 ? '' : '\r\n'}]`
}

function row({ name, isDirectory, size, modified }: Listed, base: string): string {
  const slash = isDirectory ? '/' : ''
  const href = escapeHtml(base + encodeURIComponent(name.toWellFormed())) + slash
  const kind = isDirectory ? 'dir' : 'file'
  const date = new Date(modified).toISOString().slice(0, 16).replace('T', ' ')
  const words = isDirectory ? '' : `<span title="${size} bytes">${sizeWords(size)}</span>`
  return `<tr class=${kind}><td><a href="${href}">${escapeHtml(name)}${slash}</a><td>${words}<td>${date}\n`
}

/** `/a/b/` with a link for each directory above. */
function crumbs(title: string): string {
  const parts = title.split('/').filter(part => part !== '')
  if (parts.length === 0) return '/'
  const depth = parts.length - (title.endsWith('/') ? 0 : 1)
  const links = parts.map((part, i) => {
    const text = escapeHtml(part)
    return i === parts.length - 1 ? `<b>${text}</b>` : `<a href="${'../'.repeat(depth - 1 - i) || './'}">${text}</a>`
  })
  return `<a href="${'../'.repeat(depth) || './'}">/</a> ${links.join(' / ')} /`
}

function footer(entries: readonly Listed[], isCut: boolean): string {
  const directories = entries.filter(({ isDirectory }) => isDirectory).length
  const files = entries.length - directories
  const bytes = entries.reduce((sum, { size }) => sum + size, 0)
  if (entries.length === 0) return isCut ? CUT : 'Nothing is here.'
  const words = [directories > 0 ? count(directories, 'directory', 'directories') : '']
  if (files > 0) words.push(`${count(files, 'file', 'files')}, ${sizeWords(bytes)}`)
  return `${words.filter(word => word !== '').join(', ')}.${isCut ? ` ${CUT}` : ''}`
}

const CUT = 'There is more here than one page lists.'

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`
}

const UNITS = ['KB', 'MB', 'GB', 'TB', 'PB']

/** `512 B`, `1.5 KB`, `12 MB`: of 1024. */
export function sizeWords(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  let [value, unit] = [bytes / 1024, 0]
  // 1023.6 would be written as 1024.
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`
}

/** What the path says to people. What is no UTF-8 in it stays as it was sent. */
function readable(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

const HEAD = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
`
const STYLE = `<style>
:root { color-scheme: light dark; --line: light-dark(#e8e2d8, #35302a); --faint: light-dark(#746b60, #a49a8d); --accent: light-dark(#a8471f, #f0956a) }
* { box-sizing: border-box }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem;
  color: light-dark(#241d17, #eee6da); background: light-dark(#fdfbf7, #191613) }
h1 { font-size: 1.4rem; font-weight: 400; margin: 0 0 1.25rem; padding: 0 .75rem; color: var(--faint); overflow-wrap: anywhere }
h1 b { font-weight: 650; color: light-dark(#241d17, #eee6da) } h1 a { color: inherit }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
th { font-size: .8rem; font-weight: 600; color: var(--faint); text-align: left; white-space: nowrap }
th, td { padding: 0; border-bottom: 1px solid var(--line) }
th { padding: .4rem .75rem } td + td { padding: .4rem .75rem; color: var(--faint); white-space: nowrap }
th:nth-child(2), td:nth-child(2) { text-align: right } th:nth-child(3), td:nth-child(3) { text-align: right; width: 11rem }
tbody tr:hover { background: light-dark(#f5efe5, #231f1a) }
td:first-child { overflow-wrap: anywhere; width: 100% }
td a { display: block; padding: .4rem .75rem .4rem 2.4rem; background: no-repeat .75rem .68rem / 1rem; color: inherit; text-decoration: none }
a:hover { color: var(--accent); text-decoration: underline; text-underline-offset: .2em }
a:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; border-radius: 4px }
.dir a { font-weight: 600 } .up a { color: var(--faint) }
.dir a { background-image: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%23d98a4e' d='M1.5 3h4.2l1.6 1.8h7.2c.6 0 1 .4 1 1v6.7c0 .6-.4 1-1 1h-13c-.6 0-1-.4-1-1V4c0-.6.4-1 1-1z'/%3E%3C/svg%3E") }
.file a { background-image: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='none' stroke='%23998f82' stroke-width='1.2' stroke-linejoin='round' d='M3.5 1.5h5.6l3.4 3.4v9.6h-9zM9 1.6V5h3.4'/%3E%3C/svg%3E") }
.up a { background-image: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='none' stroke='%23998f82' stroke-width='1.5' stroke-linecap='round' stroke-linejoin='round' d='M8 13V3.5M4 7.2l4-4 4 4'/%3E%3C/svg%3E") }
p { color: var(--faint); font-size: .875rem; padding: 0 .75rem }
@media (max-width: 34rem) { th:nth-child(3), td:nth-child(3) { display: none } }
</style>
`
