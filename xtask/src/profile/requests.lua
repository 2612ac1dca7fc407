-- The requests of a file in the benches' format (`bench/filter/request.rs`), one after the other and then anew.

local requests, at = {}, 0

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  for line in file:lines() do
    local method, uri, fields, length = line:match("^%S+ (%S+) (%S+) (%d+) (%d+)$")
    local head = { method .. " " .. uri .. " HTTP/1.1" }
    for _ = 1, tonumber(fields) do
      head[#head + 1] = file:read("*l")
    end
    local body = file:read(tonumber(length)) or ""
    file:read(1)
    requests[#requests + 1] = table.concat(head, "\r\n") .. "\r\n\r\n" .. body
  end
  file:close()
end

function request()
  at = at % #requests + 1
  return requests[at]
end
