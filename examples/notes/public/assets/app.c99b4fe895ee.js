/** The notes in the browser: `/` is the list, `/notes/3` a note. The server knows only one document for all of them. */
const $ = selector => document.querySelector(selector)
/** @type {Map<number, {id: number, title: string, text: string, changed: number, attachment: string | null}>} */
const notes = new Map()
let open = null
let saving = 0
/** The servers that have answered last. */
const answers = []
const SHOWN_ANSWERS = 12
const ASK_MS = 2000

async function api(method, path, body) {
  const response = await fetch(`/api/${path}`, {
    method,
    headers: { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  if (!response.ok)
    throw new Error((await response.json().catch(() => null))?.detail ?? `The API says ${response.status}`)
  return response.status === 204 ? null : response.json()
}

function when(seconds) {
  const minutes = Math.round((Date.now() / 1000 - seconds) / 60)
  if (minutes < 1) return 'now'
  if (minutes < 60) return `${minutes} min`
  return minutes < 60 * 24 ? `${Math.round(minutes / 60)} h` : new Date(seconds * 1000).toLocaleDateString()
}

function element(name, text, className = '') {
  const made = document.createElement(name)
  made.textContent = text
  made.className = className
  return made
}

function showList() {
  const wanted = $('#search').value.trim().toLowerCase()
  const shown = [...notes.values()]
    .filter(({ title, text }) => `${title}\n${text}`.toLowerCase().includes(wanted))
    .sort((a, b) => b.changed - a.changed)
  $('#list').replaceChildren(
    ...shown.map(note => {
      const link = element('a', '')
      link.href = `/notes/${note.id}`
      if (note.id === open) link.setAttribute('aria-current', 'page')
      link.append(
        element('b', note.title || 'No title'),
        element('time', when(note.changed)),
        element('span', note.text.split('\n')[0] || 'Nothing yet'),
      )
      const item = document.createElement('li')
      item.append(link)
      return item
    }),
  )
  $('#none').hidden = shown.length > 0
}

/** What the address says. */
function showPage() {
  const number = /^\/notes\/(\d+)$/.exec(location.pathname)?.[1]
  open = number === undefined ? null : Number(number)
  const note = notes.get(open)
  document.body.dataset.page = note ? 'note' : number === undefined ? 'list' : 'missing'
  document.title = note ? `${note.title || 'No title'} · Notes` : 'Notes'
  if (note) {
    if (document.activeElement !== $('#title')) $('#title').value = note.title
    if (document.activeElement !== $('#text')) $('#text').value = note.text
    $('#attachment').hidden = note.attachment === null
    $('#attachment').href = `/api/notes/${note.id}/attachment`
    $('#attachment').textContent = note.attachment ?? ''
  }
  showList()
}

function go(path) {
  history.pushState(null, '', path)
  showPage()
}

function say(text, isProblem = false) {
  $('#state').textContent = text
  $('#state').classList.toggle('problem', isProblem)
}

async function attempt(work) {
  try {
    await work()
  } catch (error) {
    say(error.message, true)
  }
}

function save() {
  const note = notes.get(open)
  if (!note) return
  const changed = { title: $('#title').value, text: $('#text').value }
  notes.set(note.id, { ...note, ...changed, changed: Date.now() / 1000 })
  showList()
  say('Saving …')
  clearTimeout(saving)
  saving = setTimeout(() => attempt(() => api('PUT', `notes/${note.id}`, changed)), 300)
}

function listen() {
  const socket = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}/api/live`)
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data)
    if (message.kind === 'hello') {
      $('#live').textContent = `Connected to server ${message.server}`
      document.body.classList.add('live')
      return
    }
    if (message.kind === 'saved') {
      notes.set(message.note.id, message.note)
      if (message.note.id === open) say('Saved, and every window knows')
    } else notes.delete(message.id)
    showPage()
  }
  socket.onclose = () => {
    document.body.classList.remove('live')
    $('#live').textContent = 'Not connected: trying again …'
    setTimeout(() => attempt(load), 1000)
    setTimeout(listen, 1000)
  }
}

async function load() {
  const all = await api('GET', 'notes')
  notes.clear()
  for (const note of all) notes.set(note.id, note)
  showPage()
}

/** Asks which of the servers answers, and shows the last answers: a dot for each, and the name of the last. */
async function ask() {
  const { server } = await api('GET', 'whoami').catch(() => ({ server: null }))
  answers.push(server)
  answers.splice(0, answers.length - SHOWN_ANSWERS)
  const names = [...new Set(answers)].filter(Boolean).sort()
  $('#answers').replaceChildren(
    ...answers.map(name => element('i', '', name === null ? 'nobody' : `server-${names.indexOf(name)}`)),
  )
  $('#answered').textContent = server === null ? 'No server answers' : `Server ${server} answers`
}

document.addEventListener('click', event => {
  const link = event.target.closest('a[href^="/"]:not([href^="/api/"])')
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  go(link.getAttribute('href'))
})
$('#new').onclick = () =>
  attempt(async () => {
    const note = await api('POST', 'notes', { title: '', text: '' })
    notes.set(note.id, note)
    go(`/notes/${note.id}`)
    $('#title').focus()
  })
$('#remove').onclick = () =>
  attempt(async () => {
    await api('DELETE', `notes/${open}`)
    notes.delete(open)
    go('/')
  })
$('#search').oninput = showList
$('#title').oninput = save
$('#text').oninput = save
window.onpopstate = showPage

listen()
navigator.serviceWorker?.register('/service-worker.js').then(
  () => navigator.serviceWorker.ready.then(() => ($('#offline').textContent = 'Ready to open without network')),
  () => ($('#offline').textContent = 'No service worker here: it needs https or localhost'),
)
setInterval(() => document.hidden || ask(), ASK_MS)
await Promise.all([attempt(load), ask()])
