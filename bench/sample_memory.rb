# frozen_string_literal: true

# Watches the processes that write a dump for the process named by its pid: every 10 ms it adds up the private dirty
# pages of all descendants of that process but itself. Says "ready", then, when its standard input ends, one line
# of JSON with the peak. Runs outside, because inside it would need the lock it is meant to watch.
require "io/wait"

target = Integer(ARGV.fetch(0))
peak = samples = most = 0
$stdout.sync = true

def parent(pid)
  File.read("/proc/#{pid}/stat")[/\) \S (\d+)/, 1].to_i
rescue SystemCallError
  0
end

puts "ready"
until $stdin.wait_readable(0.01)
  parents = Dir.children("/proc").grep(/\A\d+\z/).to_h { |pid| [pid.to_i, parent(pid)] }
  family = parents.keys.select do |pid|
    ancestor = parents[pid]
    ancestor = parents[ancestor] until ancestor.nil? || ancestor.zero? || ancestor == target
    ancestor == target && pid != Process.pid
  end
  dirty = family.map { |pid| File.read("/proc/#{pid}/smaps_rollup")[/^Private_Dirty:\s+(\d+)/, 1].to_i * 1024 rescue nil }.compact
  next if dirty.empty?

  samples += 1
  peak = dirty.sum if dirty.sum > peak
  most = dirty.size if dirty.size > most
end
puts %({"peak":#{peak},"samples":#{samples},"processes":#{most}})
