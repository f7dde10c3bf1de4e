# frozen_string_literal: true

# Puts a new layout table where it belongs: releases whose tables are the same, value by value, share one.
#
#   ruby tools/layouts/merge.rb NEW.inc [FOLDER]     FOLDER: default src/ruby/layouts
#
# NEW.inc has one release, as `heap_dump layout` writes it. If a table of the same series and platform has the same values, the
# release's line goes there; else NEW.inc becomes a table of its own. A table is called by its oldest release. What FOLDER said
# of that release before is replaced. Prints which file has it now. Must not know what the names mean.
class LayoutFile
  Release = Struct.new(:ruby, :line)

  attr_reader :text

  def initialize(text)
    @text = text
  end

  def values = @text.scan(/^    \.(\w+) = (-?\d+|HD_ABSENT),/)
  def platform = @text[/^    \.platform = "([^"]*)"/, 1]
  def releases = @text.scan(/^        (\{"([\d.]+)", .*\}),$/).map { |line, ruby| Release.new(ruby, line) }

  def with(releases)
    sorted = releases.sort_by { |release| number(release.ruby) }
    lines = sorted.map { |release| "        #{release.line},\n" }.join
    LayoutFile.new(@text.sub(/^    \.ruby = ".*",$/, %(    .ruby = "#{words(sorted.map(&:ruby))}",))
                        .sub(/^(    \.releases = .*\n)(?:        \{"[\d.]+", .*\n)*/) { "#{$1}#{lines}" }
                        .sub(/^static const struct hd_layout ruby_\w+/, "static const struct hd_layout #{LayoutFile.name(sorted.first.ruby)}"))
  end

  def name = LayoutFile.name(releases.first.ruby)

  def self.name(ruby) = "ruby_#{ruby.tr(".", "_")}"

  def ==(other) = values == other.values && platform == other.platform

  def series = releases.first.ruby[/\A\d+\.\d+\./]

  private

  def number(ruby) = ruby.split(".").map(&:to_i)

  # "3.3.1 to 3.3.11, 3.3.14"
  def words(rubies)
    rubies.slice_when { |a, b| number(a)[0, 2] != number(b)[0, 2] || number(a)[2] + 1 != number(b)[2] }.map { |run|
      run.size > 2 ? "#{run.first} to #{run.last}" : run.join(", ")
    }.join(", ")
  end
end

# The tables of a folder, by file.
class Tables
  def initialize(folder)
    @folder = folder
    @tables = Dir[File.join(folder, "*.inc")].sort.to_h { |file| [file, LayoutFile.new(File.read(file))] }
  end

  # What was said of the release goes away; a table that was called by it is called by its next one.
  def drop(ruby)
    @tables.select { |_, table| table.releases.any? { |one| one.ruby == ruby } }.each do |file, table|
      others = table.releases.reject { |one| one.ruby == ruby }
      @tables.delete(file)
      File.unlink(file)
      write(table.with(others)) unless others.empty?
    end
  end

  # The file that has it now.
  def add(made)
    home = @tables.values.find { |table| table == made && table.series == made.series }
    return write(made) unless home

    File.unlink(@tables.key(home))
    @tables.delete(@tables.key(home))
    write(home.with(home.releases + made.releases))
  end

  private

  def write(table)
    file = File.join(@folder, "#{table.name}.inc")
    File.write(file, table.text)
    @tables[file] = table
    file
  end
end

if $0 == __FILE__
  path, folder = ARGV
  abort "usage: merge.rb NEW.inc [FOLDER]" unless path
  made = LayoutFile.new(File.read(path))
  abort "merge.rb: #{path} is not the table of one release" unless made.releases.size == 1
  tables = Tables.new(folder || File.expand_path("../../src/ruby/layouts", __dir__))
  tables.drop(made.releases.first.ruby)
  puts tables.add(made)
end
