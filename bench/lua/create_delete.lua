-- Creates images and deletes each as soon as its answer has come. "done" counts the deleted ones.
local report = dofile(os.getenv("BENCH_LUA") .. "/report.lua")
local threads = {}
local created = {}
local create
deleted = 0

function setup(thread)
  threads[#threads + 1] = thread
end

function init()
  create = wrk.format("POST", "/v2/images", {["Content-Type"] = "application/json"},
    '{"name": "bench", "disk_format": "raw", "container_format": "bare", "os_distro": "debian", "tags": ["a", "b"]}')
end

function request()
  local id = table.remove(created)
  if id then
    return wrk.format("DELETE", "/v2/images/" .. id)
  end
  return create
end

function response(status, headers, body)
  if status == 201 then
    created[#created + 1] = body:match('"id": ?"([-0-9a-f]+)"')
  elseif status == 204 then
    deleted = deleted + 1
  end
end

function done(summary, latency)
  local total = 0
  for _, thread in ipairs(threads) do
    total = total + thread:get("deleted")
  end
  report.print(summary, latency, total)
end
