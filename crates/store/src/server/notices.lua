-- Takes one notice up unless what is kept outweighs it, counts it, and publishes it as `NUMBER NOTICE`.
-- KEYS: what is kept (by whom it is about), when each ends, the number of the last notice.
-- ARGV: whom it is about, `set` or `lift`, when it was said, until when it matters, the notice, the channel, how many
-- are kept at most, the rule or limit that set the ban (`-` for a person), until when that does not set it again.
-- Times are whole microseconds since the Unix epoch.

local about, word, at, ends = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local by, until_time = ARGV[8], tonumber(ARGV[9])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local LONGEST_MS = 400 * 86400000

-- Of two bans the one that ends later holds; a ban holds against what was lifted before it was set, unless it is of
-- the same rule or limit again.
local function outweighs(held)
  local again = by ~= '-' and by == held.by
  if held.ends <= now then
    return false
  elseif word == held.word then
    return word == 'set' and held.ends >= ends or word == 'lift' and held.at > at
  elseif word == 'set' then
    return held.at >= at or again and at < held.until_time
  end
  return held.at > at and not (again and held.at < until_time)
end

local function forget(which)
  redis.call('HDEL', KEYS[1], which)
  redis.call('ZREM', KEYS[2], which)
end

local function keep_for(name, ms)
  if redis.call('PTTL', name) < ms then
    redis.call('PEXPIRE', name, string.format('%.0f', ms))
  end
end

if ends <= now then
  return 0
end
local held = redis.call('HGET', KEYS[1], about)
if held then
  local word_held, at_held, ends_held, until_held, by_held = string.match(held, '^(%a+) (%d+) (%d+) (%d+) (%S+) ')
  local known = { word = word_held, at = tonumber(at_held), ends = tonumber(ends_held), by = by_held }
  known.until_time = tonumber(until_held)
  if outweighs(known) then
    return 0
  end
end

for _, ended in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 100)) do
  forget(ended)
end
redis.call('HSET', KEYS[1], about, table.concat({ word, ARGV[3], ARGV[4], ARGV[9], by, ARGV[5] }, ' '))
redis.call('ZADD', KEYS[2], ARGV[4], about)
if redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[7]) then
  forget(redis.call('ZRANGE', KEYS[2], 0, 0)[1])
end
local ms = math.max(1000, math.floor((ends - now) / 1000) + 1000)
keep_for(KEYS[1], ms)
keep_for(KEYS[2], ms)

-- Begins at the time, so that a server that lost everything never comes by the same number again.
if redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('SET', KEYS[3], string.format('%.0f', now))
end
local number = redis.call('INCR', KEYS[3])
redis.call('PEXPIRE', KEYS[3], LONGEST_MS)
redis.call('PUBLISH', ARGV[6], string.format('%.0f', number) .. ' ' .. ARGV[5])
return 1
