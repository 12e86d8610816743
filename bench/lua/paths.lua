-- Asks for the paths in a file, one a line, in random order. Arguments: the file, and where ranges are wanted the size
-- of the whole and of a part.
local report = dofile(os.getenv("BENCH_LUA") .. "/report.lua")
local requests = {}
local whole, part

function init(args)
  math.randomseed(tonumber(args[2]))
  for path in io.lines(args[1]) do
    requests[#requests + 1] = path
  end
  whole, part = tonumber(args[3]), tonumber(args[4])
  if not part then
    for number, path in ipairs(requests) do
      requests[number] = wrk.format("GET", path)
    end
  end
end

function request()
  local chosen = requests[math.random(#requests)]
  if not part then
    return chosen
  end
  local first = math.random(0, whole - part)
  return wrk.format("GET", chosen, {Range = string.format("bytes=%d-%d", first, first + part - 1)})
end

function done(summary, latency)
  report.print(summary, latency)
end
