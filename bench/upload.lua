-- As differing.lua, with 10 KiB of content.
local number = 0
local content = string.rep("x", 10240)
request = function()
  number = number + 1
  local headers = { ["X-Request-Number"] = tostring(number), ["Content-Type"] = "application/octet-stream" }
  return wrk.format("POST", "/page/" .. number % 997 .. "?n=" .. number, headers, content)
end
