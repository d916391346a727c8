-- One use of a key in an exact sliding window, as authz/ratelimit/window.go
-- keeps it. Nobody else sees a state in between: the server runs one script at
-- a time.
--
-- KEYS[1]  list: the instants of the uses within the window, oldest first
-- KEYS[2]  string: the latest instant seen, and what the clock stepped back
-- ARGV     limit; length of the window; the time, or empty for this server's;
--          empty, or "look" to count nothing
-- answer   allowed, uses in the window, until it is empty, until one more fits
-- All times are whole microseconds.
local limit, length, now, look = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == 'look'
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local last, shift = 0, 0
local clock = redis.call('GET', KEYS[2])
if clock then
  local a, b = string.match(clock, '^(%d+) (%d+)$')
  last, shift = tonumber(a), tonumber(b)
end
-- A clock that steps back goes on from where it was.
local at = now + shift
if at < last then
  shift = shift + last - at
  at = last
end

local oldest = tonumber(redis.call('LINDEX', KEYS[1], 0) or nil)
while oldest and oldest <= at - length do
  redis.call('LPOP', KEYS[1])
  oldest = tonumber(redis.call('LINDEX', KEYS[1], 0) or nil)
end

local n = redis.call('LLEN', KEYS[1])
local allowed, retry = 0, 0
if n < limit then
  allowed = 1
  if not look then
    n = n + 1
    redis.call('RPUSH', KEYS[1], string.format('%.0f', at))
  end
elseif limit > 0 then -- of a limit that was cut, several must leave
  retry = tonumber(redis.call('LINDEX', KEYS[1], n - limit)) + length - at
else
  retry = length
end

local reset = 0
if n > 0 then
  reset = tonumber(redis.call('LINDEX', KEYS[1], -1)) + length - at
  -- A second more than they are good for: who deletes them is the same clock.
  local keep = string.format('%.0f', math.ceil(length / 1000) + 1000)
  redis.call('SET', KEYS[2], string.format('%.0f %.0f', at, shift), 'PX', keep)
  if allowed == 1 and not look then redis.call('PEXPIRE', KEYS[1], keep) end
end
return {allowed, n, reset, retry}
