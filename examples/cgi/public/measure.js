/** Asks each program in turn, one request after another, and shows what an answer costs and which processes gave it. */
const REQUESTS = 25
const WARM_UP = 3

const programs = [...document.querySelectorAll('article')].map(article => {
  const cost = document.createElement('div')
  cost.className = 'cost'
  cost.innerHTML = '<div class="track"><i></i></div><b>…</b><small>&nbsp;</small>'
  article.append(cost)
  return {
    name: article.querySelector('h3').textContent,
    path: article.dataset.path,
    bar: cost.querySelector('i'),
    time: cost.querySelector('b'),
    processes: cost.querySelector('small'),
    median: 0,
  }
})
const verdict = document.getElementById('verdict')
const again = document.getElementById('again')

async function measure(program) {
  const times = []
  const processes = new Set()
  for (let i = 0; i < WARM_UP + REQUESTS; i++) {
    const startedAt = performance.now()
    const response = await fetch(program.path, { cache: 'no-store' })
    const text = await response.text()
    if (!response.ok) throw new Error(`${program.path} answered ${response.status}`)
    if (i < WARM_UP) continue
    times.push(performance.now() - startedAt)
    processes.add(/process (\d+)/.exec(text)?.[1])
  }
  program.median = times.sort((a, b) => a - b)[REQUESTS >> 1]
  program.time.textContent = `${program.median.toFixed(program.median < 10 ? 1 : 0)} ms`
  const count = processes.size
  program.processes.textContent =
    count === 1
      ? `${REQUESTS} requests, all of them in process ${[...processes][0]}`
      : `${REQUESTS} requests in ${count} processes`
  draw()
}

function draw() {
  const longest = Math.max(...programs.map(({ median }) => median))
  for (const { bar, median } of programs) bar.style.width = `${(median / longest) * 100}%`
}

async function run() {
  again.disabled = true
  verdict.textContent = 'Measuring …'
  try {
    for (const program of programs) await measure(program)
    const of = path => programs.find(program => program.path === path).median
    const times = Math.round(of('/cgi-bin/hello.py') / Math.min(of('/wsgi'), of('/asgi')))
    verdict.textContent =
      times > 1
        ? `The same line of Python, ${times} times faster: it stays, and need not start.`
        : 'Today they are all the same: this machine is busy. Measure again.'
  } catch (error) {
    verdict.textContent = `${error.message}: is Jumak still running?`
  }
  again.disabled = false
}

again.addEventListener('click', run)
await run()
