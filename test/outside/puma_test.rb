# frozen_string_literal: true

# A web server under load is dumped again and again: no request is lost or answered wrongly for it.
require_relative "helper"
require "socket"

class PumaTest < Minitest::Test
  include OutsideTest

  SNAPSHOTS = 50
  REQUESTS = 2_000 # of each run of ab

  # Allocates, computes, waits, talks to a child: what servers do.
  APPLICATION = <<~'RUBY'
    SEEN = Queue.new
    CACHE = {}
    run(lambda do |env|
      SEEN << 1
      number = SEEN.size
      CACHE[number % 5_000] = Array.new(50) { |n| "#{number} #{n}" }
      sleep 0.001 if number % 7 == 0
      `true` if number % 500 == 0
      [200, { "content-type" => "text/plain" }, ["#{env["PATH_INFO"]} answered\n"]]
    end)
  RUBY

  def start
    port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
    rackup = File.join(FOLDER, "config.ru")
    File.write(rackup, APPLICATION)
    pid = Process.spawn("puma", "--quiet", "-t", "4:4", "-b", "tcp://127.0.0.1:#{port}", "-e", "production", rackup, out: File::NULL, err: File::NULL, pgroup: true)
    limit = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 20
    begin
      TCPSocket.new("127.0.0.1", port).close
    rescue Errno::ECONNREFUSED
      raise if Process.clock_gettime(Process::CLOCK_MONOTONIC) > limit

      sleep 0.1
      retry
    end
    [pid, port]
  end

  # Runs until it is told to stop; the reports of all its runs.
  def load(port, stop)
    Thread.new do
      reports = []
      reports << Open3.capture2e("ab", "-q", "-k", "-l", "-r", "-s", "20", "-c", "6", "-n", REQUESTS.to_s, "http://127.0.0.1:#{port}/order/17") until stop[:now]
      reports
    end
  end

  def test_no_request_is_lost
    skip "ab (apache2-utils) or puma is not there" unless system("command -v ab >/dev/null && command -v puma >/dev/null")
    pid, port = start
    stop = { now: false }
    client = load(port, stop)
    sleep 0.5
    stops = Array.new(SNAPSHOTS) do |n|
      facts, = dump("--pid", pid, file: File.join(FOLDER, "puma.json"), check: n % 10 == 9)
      assert_equal "fork", facts["method"], facts["note"]
      assert_operator facts["objects"], :>, 10_000, "snapshot #{n}"
      facts["stopped_ms"]
    end
    stop[:now] = true
    reports = client.value
    reports.each do |text, status|
      assert status.success?, text
      assert_match(/^Complete requests:\s+#{REQUESTS}$/, text)
      assert_match(/^Failed requests:\s+0$/, text)
      refute_match(/^(Write errors|Non-2xx responses|Total of \d+ requests)/, text)
    end
    longest = reports.map { |text,| text[/^ 100%\s+(\d+)/, 1].to_i }.max
    puts format("%d requests while %d dumps were taken, none lost; stops of %.1f ms (median), the longest request %d ms",
                reports.size * REQUESTS, SNAPSHOTS, stops.sort[SNAPSHOTS / 2], longest)
    assert_empty children(pid)
  ensure
    stop[:now] = true if stop
    if pid
      Process.kill(:KILL, -pid)
      Process.wait(pid)
    end
  end
end
