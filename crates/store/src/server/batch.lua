-- Carries the operations of one batch out, in order, and answers each. The caller lays KEYS and ARGV out in
-- `call.rs`; every number is a whole one below 2^53, every time is in microseconds since the Unix epoch. What is
-- kept names its own end, so that an answer never depends on when the server drops what has expired.

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local SLICES = 60
local DAY = 86400000000
local NEVER = 9007199254740991
local LONGEST_MS = 400 * 86400000
-- How long a collection with a field that never ends is kept after its last change.
local IDLE_MS = 30 * 86400000
local FIELDS = 256

local next_arg, next_key = 2, 1

local function arg()
  local value = ARGV[next_arg]
  next_arg = next_arg + 1
  return value
end

local function num()
  return tonumber(arg())
end

local function key()
  local name = KEYS[next_key]
  next_key = next_key + 1
  return name
end

local function text(number)
  return string.format('%.0f', number)
end

-- How long to keep what ends then: a second longer, for the end is judged by what is written.
local function lasts(ends)
  return text(math.max(1, math.min(math.ceil((ends - now) / 1000) + 1000, LONGEST_MS)))
end

local ops = {}

-- A bucket by GCRA: when it is full again, as whole microseconds and a rest in units of 1/rate. The first of the costs
-- that fits is taken; its place is answered last.
local function bucket(name, rate, costs, most, most_rest)
  local full, rest = now, 0
  local held = redis.call('GET', name)
  if held then
    local at, part, was = string.match(held, '^(%d+) (%d+) (%d+)$')
    if tonumber(at) >= now then
      full = tonumber(at)
      if tonumber(was) == rate then rest = tonumber(part) end
    end
  end
  for place, cost in ipairs(costs) do
    local after, after_rest = full + cost[1], rest + cost[2]
    if after_rest >= rate then
      after, after_rest = after + 1, after_rest - rate
    end
    if after - now < most or (after - now == most and after_rest <= most_rest) then
      redis.call('SET', name, text(after) .. ' ' .. text(after_rest) .. ' ' .. text(rate), 'PX', lasts(after))
      return { 1, after - now, after_rest, place }
    end
  end
  return { 0, full - now, rest, 0 }
end

function ops.take()
  local name, rate, more, more_rest, most, most_rest = key(), num(), num(), num(), num(), num()
  return bucket(name, rate, { { more, more_rest } }, most, most_rest)
end

-- The same with more than is needed, to be given out later, if that fits.
function ops.lease()
  local name, rate, more, more_rest, most, most_rest = key(), num(), num(), num(), num(), num()
  local ahead, ahead_rest = num(), num()
  return bucket(name, rate, { { ahead, ahead_rest }, { more, more_rest } }, most, most_rest)
end

function ops.acquire()
  local name, limit, lease, ttl = key(), num(), arg(), num()
  redis.call('ZREMRANGEBYSCORE', name, '-inf', text(now))
  local again = redis.call('ZSCORE', name, lease)
  local held = redis.call('ZCARD', name)
  local admitted = again or held < limit
  if admitted then
    redis.call('ZADD', name, text(now + ttl), lease)
    if not again then held = held + 1 end
    local last = redis.call('ZRANGE', name, -1, -1, 'WITHSCORES')
    redis.call('PEXPIRE', name, lasts(tonumber(last[2])))
  end
  return { admitted and 1 or 0, held }
end

function ops.release()
  local name, lease = key(), arg()
  redis.call('ZREM', name, lease)
  redis.call('ZREMRANGEBYSCORE', name, '-inf', text(now))
  return {}
end

-- The calendar in years that begin in March (Hinnant, "chrono-compatible low-level date algorithms").
local function month_end()
  local days = math.floor(now / DAY) + 719468
  local era = math.floor(days / 146097)
  local of_era = days - era * 146097
  local year = math.floor(
    (of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524) - math.floor(of_era / 146096)) / 365)
  local function begins(y)
    return 365 * y + math.floor(y / 4) - math.floor(y / 100)
  end
  local month = math.floor((5 * (of_era - begins(year)) + 2) / 153)
  local ends = begins(year) + math.floor((153 * (month + 1) + 2) / 5)
  if month == 11 then
    ends = year == 399 and 146097 or begins(year + 1)
  end
  return (ends + era * 146097 - 719468) * DAY
end

local function calendar(window_end)
  local name, limit, cost = key(), num(), num()
  local ends, used = 0, 0
  local held = redis.call('GET', name)
  if held then
    local at, sum = string.match(held, '^(%d+) (%d+)$')
    ends, used = tonumber(at), tonumber(sum)
  end
  if now >= ends then
    ends, used = window_end(), 0
  end
  local admitted = used + cost <= limit
  if admitted then
    used = used + cost
    redis.call('SET', name, text(ends) .. ' ' .. text(used), 'PX', lasts(ends))
  end
  return { admitted and 1 or 0, used, ends - now }
end

function ops.day()
  return calendar(function() return (math.floor(now / DAY) + 1) * DAY end)
end

function ops.month()
  return calendar(month_end)
end

function ops.rolling()
  local name, limit, cost, slice = key(), num(), num(), num()
  local newest = math.floor(now / slice)
  local held = redis.call('HGETALL', name)
  for at = 1, #held, 2 do
    newest = math.max(newest, tonumber(held[at]))
  end
  local used, oldest = 0, nil
  for at = 1, #held, 2 do
    local number = tonumber(held[at])
    if number <= newest - SLICES then
      redis.call('HDEL', name, held[at])
    else
      used = used + tonumber(held[at + 1])
      oldest = math.min(oldest or number, number)
    end
  end
  local admitted = used + cost <= limit
  if admitted and cost > 0 then
    redis.call('HINCRBY', name, text(newest), text(cost))
    redis.call('PEXPIRE', name, lasts((newest + SLICES) * slice))
    used, oldest = used + cost, oldest or newest
  end
  return { admitted and 1 or 0, used, oldest and math.max(0, (oldest + SLICES) * slice - now) or 0 }
end

-- A set up to the bound, then a HyperLogLog under the same name.
function ops.distinct()
  local name, until_name, value, window, exact = key(), key(), arg(), num(), num()
  local ends = tonumber(redis.call('GET', until_name) or '0')
  if now >= ends then
    ends = now + window
    redis.call('DEL', name)
    redis.call('SET', until_name, text(ends), 'PX', lasts(ends))
  end
  local new, count
  if redis.call('TYPE', name).ok == 'string' then
    new = redis.call('PFADD', name, value)
    count = math.max(redis.call('PFCOUNT', name), exact + 1)
  else
    new = redis.call('SADD', name, value)
    count = redis.call('SCARD', name)
    if count > exact then
      local values = redis.call('SMEMBERS', name)
      redis.call('DEL', name)
      for from = 1, #values, 1000 do
        redis.call('PFADD', name, unpack(values, from, math.min(from + 999, #values)))
      end
      count = math.max(redis.call('PFCOUNT', name), exact + 1)
    end
  end
  redis.call('PEXPIRE', name, lasts(ends))
  return { count, new, ends - now }
end

function ops.once()
  local name, window = key(), num()
  local first = now >= tonumber(redis.call('GET', name) or '0')
  if first then
    redis.call('SET', name, text(now + window), 'PX', lasts(now + window))
  end
  return { first and 1 or 0 }
end

function ops.recent()
  local name, value, keep, ttl = key(), arg(), num(), num()
  local values = { value }
  local ends, rest = string.match(redis.call('GET', name) or '', '^(%d+) (.*)$')
  if ends and now < tonumber(ends) then
    for held in string.gmatch(rest, '%x+') do
      if #values < keep then values[#values + 1] = held end
    end
  end
  redis.call('SET', name, text(now + ttl) .. ' ' .. table.concat(values, ' '), 'PX', lasts(now + ttl))
  return values
end

-- A collection is a hash: `f` and a field's name to its end, its place and its value; `n` counts places.
local function field(name, named)
  local ends, place, value = string.match(redis.call('HGET', name, 'f' .. named) or '', '^(%d+) (%d+) (.*)$')
  if ends and now >= tonumber(ends) then
    redis.call('HDEL', name, 'f' .. named)
    ends = nil
  end
  return ends and tonumber(ends), place, value
end

local function live_fields(name)
  local held, live = redis.call('HGETALL', name), {}
  for at = 1, #held, 2 do
    local ends, place, value = string.match(held[at + 1], '^(%d+) (%d+) (.*)$')
    if ends and now >= tonumber(ends) then
      redis.call('HDEL', name, held[at])
    elseif ends then
      live[#live + 1] = { tonumber(place), string.sub(held[at], 2), value }
    end
  end
  table.sort(live, function(a, b) return a[1] < b[1] end)
  return live
end

local function put(name, named, ends, place, value)
  if not place then
    if #live_fields(name) >= FIELDS then return {} end
    place = redis.call('HINCRBY', name, 'n', 1)
  end
  redis.call('HSET', name, 'f' .. named, text(ends) .. ' ' .. place .. ' ' .. value)
  local wanted = ends == NEVER and IDLE_MS or tonumber(lasts(ends))
  if redis.call('PTTL', name) < wanted then
    redis.call('PEXPIRE', name, text(wanted))
  end
  return { named, value }
end

function ops.read()
  local answer = {}
  for _, one in ipairs(live_fields(key())) do
    answer[#answer + 1] = one[2]
    answer[#answer + 1] = one[3]
  end
  return answer
end

function ops.set()
  local name, named, value, ttl = key(), arg(), arg(), num()
  local _, place = field(name, named)
  return put(name, named, ttl and now + ttl or NEVER, place, value)
end

function ops.add()
  local name, named, by, ttl = key(), arg(), num(), num()
  local ends, place, value = field(name, named)
  local before = value and string.match(value, '^[+-]?%d+$') and tonumber(value) or 0
  local sum = math.max(-NEVER, math.min(NEVER, before + by))
  return put(name, named, ttl and now + ttl or ends or NEVER, place, text(sum))
end

function ops.expire()
  local name, named, ttl = key(), arg(), num()
  local ends, place, value = field(name, named)
  if not ends then return {} end
  return put(name, named, now + ttl, place, value)
end

function ops.remove()
  local name, named = key(), arg()
  redis.call('HDEL', name, 'f' .. named)
  return {}
end

local answers = {}
while next_arg <= #ARGV do
  answers[#answers + 1] = ops[arg()]()
end
return answers
