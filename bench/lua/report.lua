-- Shared by the load scripts: what wrk measured, as one line of JSON.
local report = {}

function report.print(summary, latency, done)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "done": %d, "seconds": %.6f, "p50": %.6f, "p99": %.6f, "bytes": %d, "refused": %d, "broken": %d}\n',
    summary.requests, done or summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6, summary.bytes,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end

return report
