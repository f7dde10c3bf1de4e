# frozen_string_literal: true

# What the tests of the server share: it runs on a port of its own and is spoken to by a client that knows nothing of it,
# net/http or a bare socket.

require_relative "../cli/helper"
require "net/http"
require "socket"
require "timeout"
require "uri"

module WebTest
  include CliTest

  # One server for all tests of a file; ends with them.
  class Server
    attr_reader :pid, :uri, :token, :errors

    def initialize(*words, env: {})
      @errors = File.join(CliTest::FOLDER, "serve-#{object_id}.err")
      reading, writing = IO.pipe
      @pid = Process.spawn(env, CliTest::TOOL, "serve", *words, in: :close, out: writing, err: @errors)
      writing.close
      line = Timeout.timeout(60) { reading.gets } or raise "heap_dump serve: #{File.read(@errors)}"
      @uri = URI(line.chomp)
      @token = @uri.query[/token=(\h+)/, 1]
      Minitest.after_run { stop }
    end

    # The exit status.
    def stop(signal = :TERM)
      return unless @pid

      pid, @pid = @pid, nil
      Process.kill(signal, pid)
      Timeout.timeout(20) { Process.wait2(pid)[1].exitstatus }
    rescue Timeout::Error
      Process.kill(:KILL, pid)
      Process.wait(pid)
      raise "heap_dump serve did not end"
    end

    def port = @uri.port

    def request(path, headers = { "X-Heap-Dump-Token" => @token }, method: "GET", body: nil)
      Net::HTTP.start("127.0.0.1", port, nil, read_timeout: 60) do |http|
        http.send_request(method, path, body, headers.merge("Accept-Encoding" => "identity"))
      end
    end

    # The answer of a path that may take its time.
    def get(path)
      200.times do
        response = request(path)
        return response unless response.code == "202"
      end
      raise "#{path} is not ready after a minute"
    end

    # A bare connection: writes what it is told and reads to the end.
    def raw(text, seconds: 30)
      Timeout.timeout(seconds) do
        TCPSocket.open("127.0.0.1", port) do |socket|
          socket.write(text)
          socket.close_write
          socket.read.force_encoding("UTF-8")
        end
      end
    end
  end

  def api(server, path, status: "200")
    response = server.get(path)
    assert_equal status, response.code, "#{path}: #{response.body}"
    assert_equal "application/json; charset=utf-8", response["Content-Type"]
    JSON.parse(response.body.dup.force_encoding("UTF-8"), max_nesting: 200)
  end

  def query(server, words)
    response = server.request("/api/sql", { "X-Heap-Dump-Token" => server.token, "Content-Type" => "application/json" },
                              method: "POST", body: JSON.generate(words))
    [response.code, JSON.parse(response.body)]
  end
end
