# frozen_string_literal: true

# The proof that a dump is true: for each Ruby and each scene, everything that Ruby says about its own heap is in our
# dump, and what is in our dump is explained. See witness.rb (the process), compare.rb (the checks), oracle.rb (which
# Rubies; environment variables).

require_relative "oracle"

module Oracle
  # What a whole comparison must satisfy; one test for each group of checks.
  module Tests
    GROUPS = {
      every_object_is_there: %i[present lands],
      the_file_follows_the_format: %i[format],
      types_and_classes: %i[type class imemo_type struct name frozen fd slot_size],
      contents: %i[string string_bytes string_length string_encoding bytesize encoding fstring shared float text length],
      arrays_and_hashes: %i[array_length array_elements hash_pairs hash_identity hash_default hash_default_proc],
      structs: %i[members],
      instance_variables: %i[ivar_names ivar_values],
      modules: %i[module_name const_names const_values cvars method_names method_at field],
      procs: %i[proc_lambda proc_self proc_at proc_locals],
      threads: %i[frames frames_extra frame_locals thread_name thread_locals thread_variables],
      every_reference: %i[references],
      every_extra_reference_is_explained: %i[extra],
      roots: %i[roots globals],
      nothing_that_is_used_is_garbage: %i[not_garbage],
      allocations: %i[allocation],
      sizes: %i[size]
    }.freeze
    # Checks that only fail, never counting what is right; and what the older Ruby's dump_all does not say.
    SILENT = %i[format slot_size].freeze
    # What other scenes may have none of.
    ONLY_EVERY_TYPE = %i[proc_lambda proc_self proc_at proc_locals field frame_locals thread_name thread_locals thread_variables frames_extra globals allocation not_garbage float text
                         string_encoding hash_default hash_default_proc members].freeze

    # Each line by itself, and no key twice in any object, which most parsers would let pass.
    PYTHON = <<~CODE
      import json, sys
      def once(pairs):
          keys = [key for key, _ in pairs]
          assert len(set(keys)) == len(keys), "twice: %s in %s" % ([key for key in keys if keys.count(key) > 1], str(pairs)[:300])
          return dict(pairs)
      for line in open(sys.argv[1], encoding="utf-8"):
          if line != "]\\n":
              assert list(json.loads(line[1:], object_pairs_hook=once))[0] == "id"
      assert line == "]\\n"
    CODE

    GROUPS.each do |group, names|
      define_method(:"test_#{group}") do
        names.each do |name|
          check = comparison.checks[name]
          assert_operator check.total, :>, 0, "#{name} checked nothing" unless SILENT.include?(name) || (scene != "every_type" && ONLY_EVERY_TYPE.include?(name))
          allowed = (check.total * TOLERATED.fetch(name, 0)).floor
          assert_operator check.wrong, :<=, allowed, explain(name, check)
          warn explain(name, check) if check.wrong.positive? && ENV["ORACLE_KEEP"]
        end
      end
    end

    def test_enough_was_compared
      assert_operator comparison.stable.size, :>=, SCENES.fetch(scene)
      changed = comparison.changed.values.sum
      assert_operator changed, :<, comparison.stable.size / 500, "too much changed while the dumps were written: #{comparison.changed}"
    end

    def test_other_parsers_read_the_whole_file
      jq = %(type == "array" and .[0].id == "_DUMP_" and .[-1].id == "_END_")
      said, status = Open3.capture2e("jq", "-e", jq, "#{folder}/dump.json")
      assert status.success?, "jq: #{said[0, 500]}"
      said, status = Open3.capture2e("python3", "-c", PYTHON, "#{folder}/dump.json")
      assert status.success?, "python3: #{said[-800..] || said}"
    end

    def test_a_dump_as_users_make_it
      _, live = Oracle.comparison(self.class::RUBY, scene, mode: "live")
      %i[present lands format].each { |name| assert_equal 0, live.checks[name].wrong, explain(name, live.checks[name]) }
      assert_equal 0, live.garbage, "an object is marked as garbage in a dump that has none"
      assert_operator live.stable.size, :>=, SCENES.fetch(scene)
    end

    # fork: false
    def test_a_dump_in_place_is_as_good
      return unless scene == "every_type" # one is enough
      _, in_place = Oracle.comparison(self.class::RUBY, scene, mode: "in_place")
      comparison.checks.each do |name, forked|
        assert_operator in_place.checks[name].wrong, :<=, forked.wrong, explain(name, in_place.checks[name]) unless name == :roots_of_stack
      end
      assert_operator in_place.stable.size, :>=, SCENES.fetch(scene)
    end

    private

    def scene = self.class::SCENE
    def folder = Oracle.comparison(self.class::RUBY, scene)[0]
    def comparison = Oracle.comparison(self.class::RUBY, scene)[1]

    def explain(name, check)
      worst = check.bad.sort_by { |_, n| -n }.first(8).map { |type, n| "#{n} #{type}, such as #{check.examples[type].first.inspect[0, 400]}" }
      "#{name}: #{check.wrong} of #{check.total} are wrong: #{worst.join("\n    ")}"
    end
  end

  RUBIES.each do |ruby|
    version, has_rails = IO.popen([ruby.command, "-e", "print RUBY_VERSION; begin; require 'rails'; print ' rails'; rescue LoadError; end"], &:read).split
    SCENES.each_key do |scene|
      next if scene == "ractor" && !version.between?("3.0", "3.2") # later ones' own dump_all hangs once there is a ractor
      next if scene == "rails" && !has_rails

      name = "Ruby_#{ruby.name.gsub(/\W/, "_")}_#{scene.split("_").map(&:capitalize).join}"
      const_set(name, Class.new(Minitest::Test) do
        const_set(:RUBY, ruby)
        const_set(:SCENE, scene)
        include Tests
      end)
    end
  end
end
