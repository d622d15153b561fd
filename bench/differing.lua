-- Every request differs from the one before in path, query and a header, so that nobody wins by recognising it.
local number = 0
request = function()
  number = number + 1
  return wrk.format("GET", "/page/" .. number % 997 .. "?n=" .. number, { ["X-Request-Number"] = tostring(number) })
end
