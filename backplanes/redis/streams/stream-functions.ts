/**
 * The function library that Redis executes for streams. Each function is one atomic step by the
 * server's own clock, so a stored entry and its live copy are the same bytes in the same order.
 *
 * Per stream there are two keys in one slot. The first has the name of the stream's channel; it
 * holds where the stream ends, and outlives the entries:
 * ```
 *  0 u64 top     8 u64 bytes    16 u64 stored at (ms) of the oldest entry
 * 24 u32 tag of the top        28 u32 tag of the entry before the oldest      32 epoch
 * ```
 * The second is the list of entries, each a stored envelope (stored-envelope.ts), oldest first. Their
 * offsets have no holes, so an entry is found by its index.
 *
 * Ids are remembered in hashes that several streams share, three per group of streams: one is
 * written for a window of time, then the next, and each expires before it is written again.
 */
import { createHash } from 'node:crypto';

const source = `
local metaFormat = '<I8I8I8I4I4'
local metaBytes = 32
local headerBytes = 32
local headerFormat = '<BBBBI4I8I8I8'
local envelopeVersion, storedType, prevIsKnown = 1, 3, 1
-- Other calls wait meanwhile; what is left over is dropped by the next ones.
local droppedPerAppendMax = 512

local function nowMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function newMeta(key, epoch, ttlMs)
  redis.call('SET', key, struct.pack(metaFormat, 0, 0, 0, 0, 0) .. epoch, 'PX', ttlMs)
end

-- What is too short to be an entry was written by somebody else: it is old, and has no tag.
local function storedAt(data, index)
  local entry = redis.call('LINDEX', data, index)
  if entry and #entry < headerBytes then return 0 end
  return entry and struct.unpack('<I8', entry, 25)
end

local function tagOf(entry)
  if #entry < headerBytes then return 0 end
  return (struct.unpack('<I4', entry, 5))
end

local function tagAt(data, index)
  local entry = redis.call('LINDEX', data, index)
  return entry and tagOf(entry)
end

-- The index of the oldest entry that is not too old.
local function firstLive(data, length, ageMax)
  local limit = nowMs() - ageMax
  local low, high = 0, length
  if length == 0 or storedAt(data, 0) > limit then return 0 end
  while low < high do
    local middle = math.floor((low + high) / 2)
    if storedAt(data, middle) > limit then high = middle else low = middle + 1 end
  end
  return low
end

local function append(keys, args)
  local countMax, ageMax, bytesMax, metaTtl, window, publish = struct.unpack('<I8I8I8I8I4B', args[1])
  local head, envelope = args[2], args[3]
  local tag = struct.unpack('<I4', head)
  local epoch = string.sub(head, 21)
  local top, bytes, oldestAt, topTag, prevTag = 0, 0, 0, 0, 0
  local now = nowMs()
  local bucket = math.floor(now / window)
  local meta = redis.call('GET', keys[1])
  if meta then
    top, bytes, oldestAt, topTag, prevTag = struct.unpack(metaFormat, meta)
    epoch = string.sub(meta, metaBytes + 1)
  end
  local id = epoch .. string.sub(head, 5, 20)
  if meta then
    for back = 0, 2 do
      local first = redis.call('HGET', keys[3 + (bucket - back) % 3], id)
      if first then return { tonumber(first), 1, epoch } end
    end
  else
    -- Whatever is left of another epoch.
    redis.call('UNLINK', keys[2])
  end

  local offset = top + 1
  local entry = struct.pack(headerFormat, envelopeVersion, storedType, prevIsKnown, #epoch, tag,
    offset, top, now) .. epoch .. envelope
  if publish == 1 then redis.call('PUBLISH', keys[1], entry) end
  if publish == 2 then redis.call('SPUBLISH', keys[1], entry) end
  local length = redis.call('RPUSH', keys[2], entry)
  if length == 1 then bytes, oldestAt, prevTag = 0, now, topTag end
  bytes = bytes + #envelope

  local dropped = 0
  while length > 0 and dropped < droppedPerAppendMax
    and (length > countMax or bytes > bytesMax or oldestAt <= now - ageMax) do
    local oldest = redis.call('LPOP', keys[2])
    dropped = dropped + 1
    length = length - 1
    bytes = math.max(0, bytes - (#oldest - headerBytes - #epoch))
    prevTag = tagOf(oldest)
    oldestAt = storedAt(keys[2], 0) or now
  end
  if length > 0 then redis.call('PEXPIRE', keys[2], ageMax) end
  redis.call('SET', keys[1], struct.pack(metaFormat, offset, bytes, oldestAt, tag, prevTag) .. epoch,
    'PX', metaTtl)
  local ids = keys[3 + bucket % 3]
  redis.call('HSET', ids, id, offset)
  -- A second before its turn comes again, for the clock goes on while a function runs.
  redis.call('PEXPIREAT', ids, (bucket + 3) * window - 1000, 'NX')
  return { offset, 0, epoch }
end

-- Epoch, top, its tag, and the offset of the oldest entry that can be read; 0: there is none.
local function topOf(keys, meta, length, live)
  local top, _, _, topTag = struct.unpack(metaFormat, meta)
  local oldest = 0
  if live < length then oldest = top - length + 1 + live end
  return string.sub(meta, metaBytes + 1), top, topTag, oldest
end

-- Is there a history in which this position lies? What cannot be verified is believed.
local function isKnown(keys, meta, length, epoch, offset, tag)
  local top, _, _, topTag, prevTag = struct.unpack(metaFormat, meta)
  if epoch ~= string.sub(meta, metaBytes + 1) or offset > top then return false end
  if offset == 0 then return tag == 0 end
  if offset == top then return tag == topTag end
  local index = offset - (top - length + 1)
  if index >= 0 then return tag == tagAt(keys[2], index) end
  return index < -1 or tag == prevTag
end

-- Entries from an index on, within the bounds of count and bytes, but one at least.
local function take(data, index, count, step, bytesMax, mean)
  local taken, bytes = {}, 0
  while #taken < count and bytes < bytesMax do
    local chunk = math.min(count - #taken, math.max(1, math.floor((bytesMax - bytes) / mean)))
    local first = index
    if step < 0 then first = index - chunk + 1 end
    local entries = redis.call('LRANGE', data, first, first + chunk - 1)
    if #entries == 0 then break end
    for at = 1, #entries do
      local entry = entries[at]
      if step < 0 then entry = entries[#entries + 1 - at] end
      if #taken > 0 and bytes + #entry > bytesMax then return taken end
      taken[#taken + 1] = entry
      bytes = bytes + #entry
    end
    index = index + step * chunk
  end
  return taken
end

local function meanOf(meta, length)
  local _, bytes = struct.unpack(metaFormat, meta)
  return bytes / math.max(1, length) + headerBytes
end

local function read(keys, args)
  local meta = redis.call('GET', keys[1])
  if not meta then return { 'absent' } end
  local ageMax, bytesMax, offset = tonumber(args[1]), tonumber(args[2]), tonumber(args[4])
  local upTo, limit = tonumber(args[6]), tonumber(args[7])
  local length = redis.call('LLEN', keys[2])
  local live = firstLive(keys[2], length, ageMax)
  local epoch, top, topTag, oldest = topOf(keys, meta, length, live)
  if not isKnown(keys, meta, length, args[3], offset, tonumber(args[5])) then
    return { 'diverged', epoch, top, topTag, oldest }
  end
  local first = top - length + 1
  local from = math.max(offset + 1, first + live)
  local to = math.min(upTo, top)
  local complete, more, entries = 1, 0, {}
  if from > offset + 1 and to > offset then complete = 0 end
  if from <= to then
    entries = take(keys[2], from - first, math.min(limit, to - from + 1), 1, bytesMax,
      meanOf(meta, length))
    if from + #entries - 1 < to then more = 1 end
  end
  return { 'read', epoch, top, topTag, oldest, complete, more, entries }
end

local function readBack(keys, args)
  local meta = redis.call('GET', keys[1])
  if not meta then return { 'absent' } end
  local ageMax, bytesMax = tonumber(args[1]), tonumber(args[2])
  local before, limit = tonumber(args[3]), tonumber(args[4])
  local length = redis.call('LLEN', keys[2])
  local live = firstLive(keys[2], length, ageMax)
  local epoch, top, topTag, oldest = topOf(keys, meta, length, live)
  local first = top - length + 1
  local from = math.min(before - 1, top)
  local available = from - (first + live) + 1
  local more, entries = 0, {}
  if available > 0 then
    entries = take(keys[2], from - first, math.min(limit, available), -1, bytesMax,
      meanOf(meta, length))
    if #entries < available then more = 1 end
  end
  return { 'read', epoch, top, topTag, oldest, 1, more, entries }
end

-- Pairs of keys; per pair the greatest age, the time to live, and an epoch in case there is none.
local function tops(keys, args)
  local answers = {}
  for at = 1, #keys, 2 do
    local ageMax, ttl, epoch = struct.unpack('<I8I8', args[(at + 1) / 2])
    local pair = { keys[at], keys[at + 1] }
    local meta = redis.call('GET', pair[1])
    if not meta then
      epoch = string.sub(args[(at + 1) / 2], 17)
      newMeta(pair[1], epoch, ttl)
      redis.call('UNLINK', pair[2])
      answers[#answers + 1] = { epoch, 0, 0, 0 }
    else
      -- Who is watched lives on.
      if redis.call('PTTL', pair[1]) < ttl / 2 then redis.call('PEXPIRE', pair[1], ttl) end
      local length = redis.call('LLEN', pair[2])
      answers[#answers + 1] = { topOf(pair, meta, length, firstLive(pair[2], length, ageMax)) }
    end
  end
  return answers
end

-- The next append finds no entries, and takes it that the top was before the oldest.
local function purge(keys)
  redis.call('UNLINK', keys[2])
  return 1
end
`;

const names = ['append', 'read', 'readBack', 'tops', 'purge'] as const;
const writesNothing: readonly string[] = ['read', 'readBack'];

export type StreamFunction = (typeof names)[number];

/**
 * Part of every name: libraries of gateways of several versions lie side by side in one server, and
 * one that is there already is the very same.
 */
const version = createHash('sha256').update(source).digest('hex').slice(0, 12);
const library = `trunkline_streams_${version}`;

/** What FCALL calls a function. */
export const functionNames: Readonly<Record<StreamFunction, string>> = {
  append: nameOf('append'),
  read: nameOf('read'),
  readBack: nameOf('readBack'),
  tops: nameOf('tops'),
  purge: nameOf('purge'),
};

/** What FUNCTION LOAD is given. */
export const libraryCode = [
  `#!lua name=${library}`,
  source,
  ...names.map((name) => {
    const flags = writesNothing.includes(name) ? `, flags = { 'no-writes' }` : '';
    return `redis.register_function{ function_name = '${nameOf(name)}', callback = ${name}${flags} }`;
  }),
].join('\n');

function nameOf(name: StreamFunction): string {
  return `${library}_${name}`;
}
