const $ = id => document.getElementById(id)
const messages = $('messages')
const form = $('say')
const status = $('status')
let socket = null
let wait = 250
let again = null
let seen = ''
/** What was said while there was no connection. */
const unsaid = []

form.name.value = localStorage.getItem('name') ?? ''
void about()
if (form.name.value) connect()
else tell('Waiting for your name: write it below, and you sit down.')

/** What the page waits for, or what it has. */
function tell(text, isOn = false) {
  status.className = isOn ? 'on' : ''
  status.textContent = text
}

/** With the name that stands there, unless it is the one that we sit with. */
function sitDown() {
  const name = form.name.value.trim()
  if (name === '' || (socket !== null && name === localStorage.getItem('name'))) return
  localStorage.setItem('name', name)
  if (socket !== null) {
    socket.onclose = null
    socket.close()
  }
  connect()
}

function connect() {
  tell(`Waiting for the server: connecting as ${form.name.value.trim()} …`)
  const address = new URL('/chat', location.href)
  address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  address.searchParams.set('name', form.name.value.trim())
  clearTimeout(again)
  socket = new WebSocket(address)
  socket.onopen = () => {
    wait = 250
    sayAll()
  }
  socket.onmessage = event => show(JSON.parse(event.data))
  socket.onclose = event => {
    const kept = unsaid.length > 0 ? ` What you said waits: ${unsaid.length}.` : ''
    tell(
      `Disconnected (${event.code}${event.reason ? `, ${event.reason}` : ''}): trying again in ${wait / 1000} s.${kept}`,
    )
    again = setTimeout(connect, wait)
    wait = Math.min(wait * 2, 8000)
  }
}

function show(message) {
  if (message.kind === 'welcome') {
    tell(`You sit with worker ${message.worker}. Waiting for somebody to say something.`, true)
    if (messages.childElementCount === 0) message.remembered.forEach(show)
    return
  }
  const key = JSON.stringify(message)
  if (key === seen) return
  seen = key
  const item = document.createElement('li')
  if (message.kind === 'says') {
    const who = document.createElement('b')
    const worker = document.createElement('small')
    who.textContent = `${message.name} `
    worker.textContent = `worker ${message.worker}`
    who.append(worker)
    item.append(who, message.text)
    if (message.name === form.name.value.trim()) item.className = 'mine'
  } else {
    item.className = 'event'
    item.textContent = `${message.name} ${message.kind === 'enters' ? 'sits down' : 'has left'}`
  }
  messages.append(item)
  while (messages.childElementCount > 200) messages.firstElementChild.remove()
  messages.scrollTop = messages.scrollHeight
}

form.name.addEventListener('change', sitDown)
form.addEventListener('submit', event => {
  event.preventDefault()
  const { text } = form
  sitDown()
  unsaid.push(text.value)
  text.value = ''
  if (socket.readyState === WebSocket.OPEN) sayAll()
  text.focus()
})

function sayAll() {
  for (const text of unsaid.splice(0)) socket.send(text)
}

$('boil').addEventListener('click', event => {
  const button = event.currentTarget
  const events = new EventSource('/kettle')
  button.disabled = true
  events.onmessage = ({ data }) => {
    $('degrees').value = data
    $('kettle').textContent = `${data} °C`
  }
  const stop = text => () => {
    events.close()
    button.disabled = false
    $('kettle').textContent = text
  }
  events.addEventListener('done', stop('It whistles.'))
  events.onerror = stop('The fire went out.')
})

$('weigh').addEventListener('submit', async event => {
  event.preventDefault()
  $('weight').textContent = 'Weighing …'
  const response = await fetch('/weigh', { method: 'POST', body: new FormData(event.target) })
  const parcel = response.ok ? await response.json() : null
  $('weight').textContent = parcel
    ? `${parcel.bytes.toLocaleString()} bytes, sha256 ${parcel.sha256.slice(0, 16)}…`
    : `It fell off the scale (${response.status}).`
})

$('crash').addEventListener('click', async () => {
  const response = await fetch('/crash', { method: 'POST' })
  $('crashed').textContent = `Done: answered ${response.status}; a new worker takes its place.`
  setTimeout(() => void about(), 1000)
})

async function about() {
  const response = await fetch('/about')
  const list = Object.entries(await response.json()).map(([name, value]) => {
    const pair = document.createElement('div')
    pair.innerHTML = '<dt></dt><dd></dd>'
    pair.children[0].textContent = name
    pair.children[1].textContent = value
    return pair
  })
  $('about').replaceChildren(...list)
}
