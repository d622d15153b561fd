-- What wrk sends: `wrk -s load.lua URL -- KIND`, KIND one of differing, browser, upload, close, page, file,
-- small-file, large-file. `page`: a page, then ten files. Every request differs from the one
-- before in path, query and a header, so that nobody wins by recognising it. Prints one line of JSON at the end.
local kind
local files = { file = "100k", ["small-file"] = "1k", ["large-file"] = "10m" }
local number = 0
local content = string.rep("x", 10240)

-- What Firefox sends for a page, with the cookies of a site that somebody has signed in to.
local browser = {
  ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  ["Accept-Language"] = "ko-KR,ko;q=0.8,en-US;q=0.5,en;q=0.3",
  ["Accept-Encoding"] = "gzip, deflate, br, zstd",
  ["Connection"] = "keep-alive",
  ["Upgrade-Insecure-Requests"] = "1",
  ["Sec-Fetch-Dest"] = "document",
  ["Sec-Fetch-Mode"] = "navigate",
  ["Sec-Fetch-Site"] = "same-origin",
  ["Sec-Fetch-User"] = "?1",
  ["Priority"] = "u=0, i",
}
local session = "sessionid=k3v9x2m1q8w7e6r5t4y3u2i1o0p9a8s7; csrftoken=Zb4nQ7wLm2Xc9Vt5Ry8Ku1Jh6Gf3Ds0A; theme=dark; seen="

function init(args)
  kind = args[1]
end

function request()
  number = number + 1
  local file = files[kind]
  if kind == "page" and number % 11 > 0 then file = "page-" .. number % 11 end
  local path = (file and "/static/" .. file .. ".bin?n=" or "/page/" .. number % 997 .. "?n=") .. number
  if kind == "browser" then
    browser["Referer"] = "http://127.0.0.1/page/" .. (number - 1) % 997
    browser["Cookie"] = session .. number
    return wrk.format("GET", path, browser)
  end
  local headers = { ["X-Request-Number"] = tostring(number) }
  if kind == "close" then headers["Connection"] = "close" end
  if kind ~= "upload" then return wrk.format("GET", path, headers) end
  headers["Content-Type"] = "application/octet-stream"
  return wrk.format("POST", path, headers, content)
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"p999":%.3f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency:percentile(99.9) / 1000,
    e.connect + e.read + e.write + e.status + e.timeout))
end
