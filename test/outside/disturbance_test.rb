# frozen_string_literal: true

# 500 copies of a process that is in every kind of blocking system call at once: it must not notice.
require "minitest/autorun"
require "open3"

class DisturbanceTest < Minitest::Test
  FOLDER = File.expand_path("../../build/test/outside", __dir__)
  COPIES = 500

  def disturb(count, *method)
    Open3.popen2(File.join(FOLDER, "disturbance"), "300") do |input, out, wait|
      pid = Integer(out.gets[/\d+/])
      before = { threads: Dir.children("/proc/#{pid}/task").size, descriptors: Dir.children("/proc/#{pid}/fd").size }
      said, status = Open3.capture2e(File.join(FOLDER, "copy_driver"), pid.to_s, count.to_s, *method)
      assert status.success?, said
      puts said
      after = { threads: Dir.children("/proc/#{pid}/task").size, descriptors: Dir.children("/proc/#{pid}/fd").size }
      assert_equal before, after
      input.close
      report = out.read
      assert wait.value.success?, report
      assert_match(/^0 disturbances$/, report)
    end
  end

  def test_copies = disturb(COPIES)
  def test_stops = disturb(60, "stop")
end
