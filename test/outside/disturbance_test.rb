# frozen_string_literal: true

# 500 copies of a process that is in every kind of blocking system call at once: it must not notice.
require "minitest/autorun"
require "open3"

class DisturbanceTest < Minitest::Test
  FOLDER = File.expand_path("../../build/test/outside", __dir__)
  COPIES = 500

  # Threads and descriptors the process has whatever it is doing: it opens and closes some all the time, and a leak stays.
  def least(pid)
    seen = Array.new(100) do
      sleep 0.005
      %w[task fd].map { |folder| Dir.children("/proc/#{pid}/#{folder}").size }
    end
    { threads: seen.map(&:first).min, descriptors: seen.map(&:last).min }
  end

  def disturb(count, *method)
    Open3.popen2(File.join(FOLDER, "disturbance"), "300") do |input, out, wait|
      pid = Integer(out.gets[/\d+/])
      before = least(pid)
      said, status = Open3.capture2e(File.join(FOLDER, "copy_driver"), pid.to_s, count.to_s, *method)
      assert status.success?, said
      puts said
      assert_equal before, least(pid)
      input.close
      report = out.read
      assert wait.value.success?, report
      assert_match(/^0 disturbances$/, report)
    end
  end

  def test_copies = disturb(COPIES)
  def test_stops = disturb(60, "stop")
end
