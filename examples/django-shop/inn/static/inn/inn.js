// The two live demonstrations of the greeting page. Without it every link and form of the page still works.

const colours = ['#c8452d', '#1f7a66', '#c08a2c', '#4f6fb0', '#8a5a9e', '#5f8a3a', '#a3576b', '#3d8ca3']

function fillSlots(list, count, make) {
  list.replaceChildren(...Array.from({ length: count }, (_, index) => make(index)))
  return [...list.children]
}

function lane(index) {
  const item = document.createElement('li')
  item.innerHTML = '<span></span><span class="track"><span class="fill"></span></span><span></span>'
  item.firstChild.textContent = index + 1
  item.lastChild.textContent = 'not sent yet'
  return item
}

// Six requests, as many as a browser opens connections for. A bar grows while its request waits or runs.
function prepareLanes(button) {
  const list = document.querySelector('[data-lanes]')
  const sum = document.querySelector('[data-slow-sum]')
  fillSlots(list, 6, lane)
  button.addEventListener('click', async () => {
    button.disabled = true
    sum.textContent = ''
    const started = performance.now()
    const seconds = () => (performance.now() - started) / 1000
    const seen = new Map()
    const waiting = new Set(fillSlots(list, 6, lane))
    for (const item of waiting) item.lastChild.textContent = 'waiting'
    const width = () => `${Math.min(100, (seconds() / 6) * 100)}%`
    const grow = () => {
      for (const item of waiting) item.querySelector('.fill').style.width = width()
      if (waiting.size > 0) requestAnimationFrame(grow)
    }
    grow()
    await Promise.all(
      [...waiting].map(async item => {
        const said = item.lastChild
        try {
          const response = await fetch(button.dataset.runSlow, { cache: 'no-store' })
          if (!response.ok) throw new Error(`status ${response.status}`)
          const { pid } = await response.json()
          if (!seen.has(pid)) seen.set(pid, colours[seen.size % colours.length])
          item.querySelector('.fill').style.background = seen.get(pid)
          said.textContent = `${seconds().toFixed(2)} s, worker ${pid}`
        } catch (error) {
          said.textContent = error.message
        }
        item.querySelector('.fill').style.width = width()
        waiting.delete(item)
      }),
    )
    sum.textContent = `${seconds().toFixed(1)} s in all, ${seen.size} worker${seen.size === 1 ? '' : 's'}`
    button.disabled = false
  })
}

function bowl(index) {
  const item = document.createElement('li')
  item.textContent = index + 1
  return item
}

// Reads the response as it comes, and writes down when each line came.
function prepareTicks(button) {
  const list = document.querySelector('[data-ticks]')
  const sum = document.querySelector('[data-ticks-sum]')
  fillSlots(list, 8, bowl)
  button.addEventListener('click', async () => {
    button.disabled = true
    sum.textContent = ''
    const bowls = fillSlots(list, 8, bowl)
    const started = performance.now()
    let lines = 0
    let chunks = 0
    try {
      const response = await fetch(button.dataset.runTicks, { cache: 'no-store' })
      if (!response.ok) throw new Error(`status ${response.status}`)
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        const text = piece.value
        chunks++
        for (const _ of text.matchAll(/\n/g)) {
          const item = bowls[lines++]
          if (!item) continue
          item.classList.add('here')
          item.textContent = `${((performance.now() - started) / 1000).toFixed(2)} s`
        }
      }
      sum.textContent = `${lines} lines in ${chunks} pieces`
    } catch (error) {
      sum.textContent = error.message
    }
    button.disabled = false
  })
}

for (const button of document.querySelectorAll('[data-run-slow]')) prepareLanes(button)
for (const button of document.querySelectorAll('[data-run-ticks]')) prepareTicks(button)
