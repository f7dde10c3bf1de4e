# frozen_string_literal: true

module Shop
  # For the people who run the shop. The dump holds everything the shop knows, customers' data included, so its route
  # wants the token of the environment, and where it is written is not for the client to say.
  class AdminController < Controller
    def health = [200, { "Content-Type" => "text/plain" }, ["ok\n"]]

    def stats
      allowed? or return forbidden
      json({ pid: Process.pid, ruby: RUBY_VERSION, threads: Thread.list.size, sessions: @application.sessions.size,
             rss_bytes: File.read("/proc/self/status")[/^VmRSS:\s+(\d+)/, 1].to_i * 1024,
             objects: ObjectSpace.count_objects.then { |counts| counts[:TOTAL] - counts[:FREE] } })
    end

    def heap_dump
      allowed? or return forbidden
      require "heap_dump"
      result = HeapDump.dump(ENV.fetch("SHOP_DUMP_PATH", "dump.json"))
      json({ path: result.path, objects: result.objects, bytes: result.bytes, seconds: result.seconds,
             pause: result.pause, gc_seconds: result.gc_seconds, inspect: result.inspect })
    rescue LoadError => e
      json({ error: e.message }, status: 501)
    rescue StandardError, NoMemoryError => e
      json({ error: "#{e.class}: #{e.message}" }, status: 500)
    end

    private

    def allowed?
      token = ENV["SHOP_ADMIN_TOKEN"].to_s
      !token.empty? && Rack::Utils.secure_compare(request.get_header("HTTP_X_ADMIN_TOKEN").to_s, token)
    end

    def forbidden = [403, { "Content-Type" => "text/plain" }, ["Not for you.\n"]]
  end
end
