/** Keeps the pages usable without a network: what came last is shown until there is one again. The API is never kept. */
const KEPT = 'notes-1'

self.addEventListener('install', event => event.waitUntil(self.skipWaiting()))
self.addEventListener('activate', event => event.waitUntil(self.clients.claim()))

self.addEventListener('fetch', event => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== location.origin || url.pathname.startsWith('/api/')) return
  // The list of a directory.
  if (url.pathname.length > 1 && url.pathname.endsWith('/')) return
  // Every page of the application is the same document.
  const key = request.mode === 'navigate' ? '/' : request
  event.respondWith(
    fetch(request)
      .then(async response => {
        if (response.ok) await (await caches.open(KEPT)).put(key, response.clone())
        return response
      })
      .catch(async error => {
        const kept = await caches.match(key)
        if (kept === undefined) throw error
        return kept
      }),
  )
})
