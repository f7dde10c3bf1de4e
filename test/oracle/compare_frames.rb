# frozen_string_literal: true

# Compares threads' and fibers' frames with Ruby's backtraces, and the local variables in them with what the scene
# said of them (Witness.expect_locals).
#
# Owns the knowledge of what a backtrace leaves out. Its invariant: every frame of a backtrace must be found among
# ours, in the same order, and every one of ours that has Ruby code must be found in the backtrace.

class CompareFrames
  def initialize(truth)
    @truth = truth
    @later = []
  end

  # The thread variables are a Hash of their own.
  def finish
    @later.each do |id, locals, variables|
      ours = locals.merge((@truth.pairs_of(id) || []).to_h { |key, value| [key.is_a?(DumpReader::Sym) ? key.name : key, CompareTruth.encode(value)] })
      variables.each { |name, value| @truth.check(:thread_variables, ours[name] == value, "VM/thread") { [id, name, ours[name], value, ours.keys] } }
    end
  end

  def thread(item, record)
    named(item, record)
    theirs = record["frames"] or return
    ours = item["frames"] || []
    ours = ours.drop_while { |frame| !same?(frame, theirs.first) } if record["main"] # from the call of ours on
    found = 0
    last = nil
    theirs.each do |frame|
      skipped = ours.take_while { |our| !same?(our, frame) }
      good = skipped.size < ours.size
      @truth.check(:frames, good, item.type) { [item.id, record["name"], "not found", frame, ours.first(2).map { |our| brief(our) }] }
      next unless good

      skipped.each_with_index do |our, i|
        below = i.zero? ? last : skipped[i - 1]
        @truth.check(:frames_extra, !code?(our) || clause?(below), item.type) { [item.id, record["name"], brief(our), "before", frame] }
      end
      last = ours[skipped.size]
      ours = ours.drop(skipped.size + 1)
      found += 1
    end
    ours.each_with_index do |our, i|
      @truth.check(:frames_extra, !code?(our) || bottom?(our, ours.drop(i + 1)), item.type) { [item.id, record["name"], brief(our), "at the end"] }
    end
  end

  def locals(item, record)
    frames = (item["frames"] || []).select { |frame| names(frame).include?(record["method"]) }
    theirs = record["locals"]
    good = frames.any? { |frame| of(frame) == theirs }
    @truth.check(:frame_locals, good, item.type) do
      [item.id, record["method"], "frames of that name: #{frames.size}", frames.map { |frame| difference(of(frame), theirs) }]
    end
  end

  private

  def named(item, record)
    @truth.check(:thread_name, item["name"] == record["name"], item.type) { [item.id, item["name"], record["name"]] } if record["name"]
    ours = CompareTruth.encode_map(item["locals"])
    @later << [item["generic_ivs"]&.fetch("locals", nil), ours, record["variables"]]
    record["locals"].each do |name, value|
      @truth.check(:thread_locals, ours[name] == value, item.type) { [item.id, name, ours[name], value, ours.keys] }
    end
  end

  # A frame's own variables. What has no name in the source ("#<slot 0>") is no variable.
  def of(frame) = CompareTruth.encode_map(frame["locals"]).reject { |name, _| name.start_with?("#<") }

  def difference(ours, theirs)
    (ours.keys | theirs.keys).filter_map { |name| [name, ours[name], theirs[name]] unless ours[name] == theirs[name] && ours.key?(name) && theirs.key?(name) }
  end

  def code?(frame) = frame["iseq"] && !internal?(frame) ? true : false

  # A method that Ruby itself has written in Ruby stands at its caller's line since 4.0; of several in a row backtraces keep one.
  def internal?(frame) = frame["iseq"].is_a?(Hash) && frame["iseq"]["filename"].to_s.start_with?("<internal:") && frame["file"] != frame["iseq"]["filename"]

  # A rescue or an ensure has a frame of its own; backtraces of 3.4 and later show it and the method's as one.
  def clause?(frame) = frame && frame["iseq"].is_a?(Hash) && %w[rescue ensure].include?(frame["iseq"]["type"])

  # The frame below every program, which backtraces leave out: it has code, but none that was written.
  def bottom?(frame, rest) = rest.empty? && frame["method"] == "<main>" && frame["line"].zero?

  # A frame says the method ("Array#each"), its code says more ("block in …").
  def names(frame) = [frame["method"]&.sub(/\A[A-Z#].*?[#.](?=.)/, ""), frame["method"], frame["label"], (frame["iseq"]["name"] if frame["iseq"].is_a?(Hash))].compact

  def brief(frame) = frame.slice("method", "file", "line").merge("iseq" => names(frame).last)

  def same?(ours, theirs)
    return false unless (names(ours) & [theirs["label"], theirs["base"]]).any?
    return true unless ours["iseq"] # C has no file and line of its own: a backtrace gives it its caller's

    [theirs["path"], theirs["absolute"]].include?(ours["file"]) && (!theirs["line"] || ours["line"] == theirs["line"])
  end
end
