# Builds the library, the command line tool and the Ruby extension; runs tests, demo and benchmarks.
#
#   make                 build/libheap_dump.a, build/heap_dump, build/ext/heap_dump/heap_dump.so
#   make check           install what is needed (script/setup), build for both Rubies, run all tests
#   make demo            a leaking web application, dumped
#   make bench           dumping against ObjectSpace.dump_all, from outside against gcore, analysing against simdjson
#   make unit            the C unit tests and the drivers of the graph tests, in build/test
#   make install         PREFIX=/usr/local DESTDIR=
#   make gem             heap_dump-VERSION.gem
#   make fuzz            readers, index loader, commands, cores, MongoDB documents and malloc's arenas under ASan and UBSan, FUZZ_SECONDS for each target
#   make lint            as CI compiles: warnings are errors

BUILD   := build
PREFIX  ?= /usr/local
RUBY    ?= ruby
CC      ?= cc
CXX     ?= c++
CFLAGS  ?= -O2 -g
CXXFLAGS ?= $(CFLAGS)

warnings := -Wall -Wextra -Wvla
common   := -Iinclude -iquote src -iquote . -fvisibility=hidden -fPIC -MMD -MP $(warnings)
all_cflags   = -std=gnu11 -Wmissing-prototypes -Werror=incompatible-pointer-types $(common) $(CFLAGS)
all_cxxflags = -std=gnu++17 $(common) $(CXXFLAGS)

# What the extension has, too (ext/heap_dump/extconf.rb takes it from the same folders).
library := \
	src/base/arena.c src/base/crew.c src/base/error.c \
	src/memory/memory.c src/memory/maps.c src/memory/smaps.c src/memory/image.c src/memory/source_self.c \
	src/ruby/layout.c src/ruby/vm.c src/ruby/variant.c src/ruby/calibrate.c src/ruby/self_check.c src/ruby/self_check_objects.c src/ruby/heap.c src/ruby/table.c src/ruby/symbol.c src/ruby/written.c src/ruby/class.c \
	src/ruby/ivar.c src/ruby/typed_data.c src/ruby/object.c src/ruby/string.c src/ruby/number.c src/ruby/class_object.c src/ruby/imemo.c src/ruby/iseq.c src/ruby/data.c \
	src/ruby/thread.c src/ruby/hands.c src/ruby/roots.c src/ruby/roots_outside.c src/ruby/liveness.c \
	src/ruby/references.c src/ruby/references_code.c src/ruby/references_data.c src/ruby/memsize.c \
	src/dump/text.c src/dump/contents.c src/dump/head.c src/dump/head_memory.c src/dump/line.c src/dump/dumper.c src/dump/output.c src/dump/compress.c \
	src/capture/inside.c src/capture/loaded.c
# What only the tool needs: reading dumps and debug information.
tool_library := \
	src/base/units.c src/base/progress.c src/base/library.c src/base/spool.c src/base/regex_compile.c src/base/regex_program.c src/base/regex_table.c \
	src/memory/source_process.c src/memory/source_file.c src/memory/core.c src/memory/core_unpack.c src/memory/core_library.c src/capture/outside.c src/capture/stop.c src/capture/target.c src/capture/inject.c src/capture/room.c src/capture/copy.c src/capture/keeper.c \
	src/dump/input.c src/dump/json_text.c src/dump/json_reader.cc src/dump/json_walk.cc src/dump/json_values.cc src/dump/address_set.c \
	src/dump/check.c src/dump/range.c src/dump/objspace_reader.c \
	src/graph/names.c src/graph/ranks.c src/graph/part.c src/graph/dump_part.c src/graph/objspace_part.c \
	src/graph/storage.c src/graph/assemble.c src/graph/singletons.c src/graph/graph.c src/graph/builder.c \
	src/graph/dominators.c src/graph/retained.c src/graph/exact.c src/graph/group_sets.c src/graph/paths.c src/graph/detours.c src/graph/paths_all.c src/graph/paths_weak.c src/graph/paths_merge.c src/graph/path_kinds.c src/graph/referrers.c \
	src/graph/groups.c src/graph/best_names.c src/graph/index.c src/graph/index_key.c src/graph/index_point.c src/graph/excerpt.c src/graph/index_check.c src/graph/index_answers.c src/graph/derived.c \
	src/graph/fields.c src/graph/replay.c src/graph/objspace_fields.c src/graph/line_order.c src/graph/second_pass.c src/graph/holders.c \
	src/graph/strings.c src/graph/collections.c src/graph/facets.c src/graph/lines.c src/graph/values.c src/graph/values_search.c src/graph/find.c src/graph/found.c src/graph/stacks.c \
	src/graph/tree.c src/graph/tree_walk.c src/graph/tree_part.c src/graph/tree_code.c src/graph/suspects_search.c src/graph/suspects.c src/graph/suspects_read.c src/graph/path_keys.c src/graph/diff.c src/graph/diff_part.c \
	src/graph/diff_part_text.c src/graph/diff_steps.c src/graph/diff_compare.c src/graph/diff_stayed.c \
	src/view/json.c src/view/words.c src/view/open.c src/view/basis.c src/view/asked.c src/view/pack.c src/view/keep.c src/view/values.c src/view/shown.c src/view/trees_ahead.c src/view/readable.c src/view/describe.c src/view/ways.c \
	src/view/summary.c src/view/facet_sums.c src/view/exact_sums.c src/view/top.c src/view/suspects.c src/view/suspects_words.c src/view/tree_view.c src/view/tree_rows.c \
	src/view/path.c src/view/find.c src/view/threads.c src/view/strings.c src/view/collections.c src/view/diff.c src/view/diff_kept.c \
	src/view/diff_json.c src/view/object.c src/view/profile.c src/view/profile_line.c src/view/redact.c \
	src/web/question.c src/web/site.c src/web/answer.c src/web/answer_dump.c src/web/answer_tree.c src/web/answer_object.c \
	src/web/job.c src/web/kept.c src/web/report.c src/web/sql.c src/web/assets.c \
	src/rss/marks.c src/rss/window.c src/rss/resident.c src/rss/ledger.c src/rss/glibc.c src/rss/glibc_cache.c src/rss/owners.c \
	src/rss/pages.c src/rss/stacks.c src/rss/transient.c src/rss/rss.c src/view/memory.c src/view/memory_dump.c src/view/memory_findings.c \
	src/store/exporter.c src/store/sink.c src/store/tree_walk.c src/store/tree_options.c src/store/collapsed.c \
	src/store/json_text.c src/store/heapsnapshot.c src/store/pprof.c src/store/pprof_message.c src/store/speedscope.c src/store/root_kinds.c src/store/objspace.c \
	src/ruby/dwarf.c src/ruby/elf_identity.c src/ruby/layout_table.c
# Virtual tables over a dump: with SQLite 3.38 or newer (`make SQLITE=` builds without it).
SQLITE ?= $(shell pkg-config --atleast-version=3.38 sqlite3 2>/dev/null && echo yes)
sqlite_library := src/store/sql.c src/store/sql_table.c src/store/sql_heap.c src/store/sql_lines.c src/store/sql_functions.c \
	src/store/sql_objects.c src/store/sql_refs.c src/store/sql_classes.c src/store/sql_strings.c src/store/sql_stacks.c \
	src/store/sql_code.c src/store/sql_paths.c src/store/sql_dump.c src/store/sqlite.c
sqlite_absent := src/store/sql_absent.c src/store/sqlite_absent.c
tool_library += src/store/queries.c $(if $(SQLITE),$(sqlite_library),$(sqlite_absent))
# Dumps into MongoDB: with its C driver (`make MONGOC=` builds without it).
MONGOC ?= $(shell pkg-config --exists libmongoc-1.0 2>/dev/null && echo yes)
mongoc_library := src/store/mongodb_library.c src/store/mongodb_place.c src/store/mongodb_document.c src/store/mongodb_server.c src/store/mongodb_import.c
mongoc_flags   := $(if $(MONGOC),$(shell pkg-config --cflags libmongoc-1.0) -DHD_HAVE_MONGOC=1)
tool_library += src/store/mongodb.c $(if $(MONGOC),$(mongoc_library))
# A server for the page: with libmicrohttpd (`make MICROHTTPD=` builds without it).
MICROHTTPD ?= $(shell pkg-config --atleast-version=0.9.73 libmicrohttpd 2>/dev/null && echo yes)
http_library := src/web/library.c src/web/server.c src/web/request.c src/web/guard.c
tool_library += $(if $(MICROHTTPD),$(http_library),src/web/server_none.c)
cli := cli/main.c cli/command.c cli/help.c cli/help_man.c cli/help_shell.c cli/output.c cli/table.c cli/open.c cli/kept.c cli/ahead.c cli/progress.c \
	cli/readable.c cli/twice.c cli/tree_least.c cli/memory.c cli/memory_text.c \
	cli/check.c cli/collections.c cli/diff.c cli/dump.c cli/diff_text.c cli/export.c cli/find.c cli/flame.c cli/index.c cli/layout.c cli/layout_check.c cli/path.c \
	cli/report.c cli/serve.c cli/show.c cli/strings.c cli/summary.c cli/suspects.c cli/threads.c cli/top.c cli/tree.c \
	cli/version.c cli/sql.c cli/sql_print.c cli/sql_words.c

# Editing and history at its prompt: with libedit (`make LIBEDIT=` builds without it).
LIBEDIT ?= $(shell pkg-config --exists libedit 2>/dev/null && echo yes)
cli += $(if $(LIBEDIT),cli/sql_edit.c,cli/sql_edit_absent.c)

object = $(addprefix $(BUILD)/obj/,$(addsuffix .o,$(basename $(1))))
library_objects := $(call object,$(library) $(tool_library)) $(BUILD)/web/assets.o
cli_objects     := $(call object,$(cli))
other_libs := -ldw -lelf -lsimdjson -lzstd -lz -lm -lpthread $(if $(SQLITE),-lsqlite3) $(if $(LIBEDIT),-ledit)
tool_libs := $(other_libs) $(if $(MONGOC),$(shell pkg-config --libs libbson-1.0))

.PHONY: all check demo bench install gem fuzz lint clean share ext ext-others unit
all: $(BUILD)/libheap_dump.a $(BUILD)/heap_dump share ext

# Loops that look at each number of an index: as vectors they keep up with memory.
$(BUILD)/obj/src/graph/index_check.o $(BUILD)/obj/src/graph/referrers.o: private override CFLAGS += -O3

# It has the file in it.
$(BUILD)/obj/src/store/queries.o: docs/queries.sql
# libbson's headers want their folder.
$(call object,src/store/mongodb.c $(mongoc_library) fuzz/fuzz_mongodb.c): private override CFLAGS += $(mongoc_flags)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(all_cflags) -DHD_HAVE_ZLIB=1 -DHD_HAVE_ZSTD=1 -c $< -o $@
$(BUILD)/obj/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(all_cxxflags) -c $< -o $@

# The page: made of web/ by web/build where there are node and npm (`make NPM=` leaves it out), and put into the program as it is.
# It asks the registry of npm once; where that cannot be reached the page is left out, too, but not in CI, which would not notice.
NPM ?= $(shell command -v node >/dev/null && command -v npm >/dev/null && echo yes)
page := $(if $(NPM),$(shell find web -type f))
$(BUILD)/embed: tools/embed.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 $(warnings) -o $@ $< -lz
$(BUILD)/web/assets.c: $(BUILD)/embed $(page)
	@mkdir -p $(@D)
	@rm -rf $(BUILD)/web/dist
	@$(if $(NPM),web/build $(BUILD)/web/dist || { rm -rf $(BUILD)/web/dist; test -z "$$CI"; },true)
	@test -f $(BUILD)/web/dist/index.html $(if $(filter command%,$(origin NPM)),|| true) || echo "heap_dump is built without its page: that needs node and npm" >&2
	$(BUILD)/embed $(BUILD)/web/dist > $@.new && mv $@.new $@
$(BUILD)/web/assets.o: $(BUILD)/web/assets.c
	$(CC) $(all_cflags) -c $< -o $@

$(BUILD)/libheap_dump.a: $(library_objects)
	$(AR) rcs $@ $^
$(BUILD)/heap_dump: $(cli_objects) $(BUILD)/libheap_dump.a
	$(CXX) $(LDFLAGS) -o $@ $^ $(tool_libs)

# What makes the tables (tools/layouts/build), without any.
layout_objects := $(call object,tools/layouts/tool.c) $(filter-out %/cli/main.o,$(cli_objects)) \
	$(filter-out %/src/ruby/layout.o,$(library_objects))
$(BUILD)/heap_dump_layout: $(layout_objects)
	$(CXX) $(LDFLAGS) -o $@ $^ $(tool_libs)

# The manual page and the completions are made from the commands' tables.
share: $(addprefix $(BUILD)/share/,heap_dump.1 heap_dump.bash _heap_dump)
$(BUILD)/share/heap_dump.1: man/heap_dump.1.in $(BUILD)/heap_dump
	@mkdir -p $(@D)
	$(BUILD)/heap_dump help --format man > $@.commands
	sed -e '/^@COMMANDS@$$/{' -e 'r $@.commands' -e 'd' -e '}' $< > $@ && rm $@.commands
$(BUILD)/share/heap_dump.bash: $(BUILD)/heap_dump
	@mkdir -p $(@D)
	$< help --format bash > $@
$(BUILD)/share/_heap_dump: $(BUILD)/heap_dump
	@mkdir -p $(@D)
	$< help --format zsh > $@

# A process may have the old file mapped: never write into it, put the new one in its place.
replace = { cp $(1) $(2).new && mv $(2).new $(2); }

# mkmf decides what is out of date; it is asked every time. It knows nothing of headers, so those are looked at here.
stale_headers = find src include ext \( -name '*.h' -o -name '*.inc' \) -newer $(1)/heap_dump.so 2>/dev/null | grep -q . \
	&& rm -f $(1)/*.o $(1)/heap_dump.so || true
ext:
	@mkdir -p $(BUILD)/ext/obj $(BUILD)/ext/heap_dump
	@$(call stale_headers,$(BUILD)/ext/obj)
	@cd $(BUILD)/ext/obj && { [ Makefile -nt $(CURDIR)/ext/heap_dump/extconf.rb ] \
		&& [ Makefile -nt $(CURDIR)/Makefile ] || $(RUBY) $(CURDIR)/ext/heap_dump/extconf.rb; }
	@$(MAKE) --no-print-directory -C $(BUILD)/ext/obj
	@cmp -s $(BUILD)/ext/obj/heap_dump.so $(BUILD)/ext/heap_dump/heap_dump.so \
		|| $(call replace,$(BUILD)/ext/obj/heap_dump.so,$(BUILD)/ext/heap_dump/heap_dump.so)

unit_tests := $(patsubst test/unit/%.c,$(BUILD)/test/unit/%,$(wildcard test/unit/*_test.c))
graph_tests := $(BUILD)/test/graph/print_graph $(BUILD)/test/graph/dominators_driver
outside_tests := $(BUILD)/test/outside/disturbance $(BUILD)/test/outside/copy_driver $(BUILD)/test/outside/layout_driver
memory_tests := $(BUILD)/test/memory/malloc_oracle.so
# The tool as it is where the optional libraries of `heap_dump sql` are missing.
sqlite_tests := $(BUILD)/test/without_sqlite
# The same where the library for `heap_dump serve` and the page are missing.
web_tests := $(BUILD)/test/without_web
unit: $(unit_tests) $(graph_tests) $(outside_tests) $(memory_tests) $(sqlite_tests) $(web_tests) \
	$(BUILD)/test/heap_dump-without-mongoc
$(BUILD)/test/without_web: $(filter-out $(call object,$(http_library)) $(BUILD)/web/assets.o,$(cli_objects) $(library_objects)) \
		$(call object,src/web/server_none.c) $(BUILD)/test/no_page.o
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $(sort $^) $(tool_libs)
$(BUILD)/test/no_page.o: $(BUILD)/embed
	@mkdir -p $(@D)
	$< $(@D)/no_page > $(@D)/no_page.c
	$(CC) $(all_cflags) -c $(@D)/no_page.c -o $@
$(BUILD)/test/without_sqlite: $(filter-out $(call object,cli/sql_edit.c $(sqlite_library)),$(cli_objects) $(library_objects)) \
		$(call object,cli/sql_edit_absent.c $(sqlite_absent))
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $(sort $^) $(filter-out -lsqlite3 -ledit,$(tool_libs))
$(BUILD)/test/memory/%.so: test/memory/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(warnings) -shared -fPIC -fvisibility=hidden -o $@ $<
# The tool as it is where MongoDB's C driver is not.
$(BUILD)/test/heap_dump-without-mongoc: src/store/mongodb.c $(cli_objects) $(BUILD)/libheap_dump.a
	@mkdir -p $(@D)
	$(CC) $(all_cflags) -MF $(BUILD)/obj/mongodb-absent.d -c $< -o $(BUILD)/test/mongodb-absent.o
	$(CXX) $(LDFLAGS) -o $@ $(cli_objects) $(BUILD)/test/mongodb-absent.o $(BUILD)/libheap_dump.a $(other_libs)
$(BUILD)/test/outside/%: test/outside/%.c $(BUILD)/libheap_dump.a
	@mkdir -p $(@D)
	$(CC) $(all_cflags) -MF $(BUILD)/obj/$*.d -o $@ $< $(BUILD)/libheap_dump.a $(tool_libs) -lstdc++
$(BUILD)/test/graph/%: test/graph/%.c $(BUILD)/libheap_dump.a
	@mkdir -p $(@D)
	$(CC) $(all_cflags) -MF $(BUILD)/obj/$*.d -o $@ $< $(BUILD)/libheap_dump.a $(tool_libs) -lstdc++
$(BUILD)/test/unit/%: test/unit/%.c $(BUILD)/libheap_dump.a
	@mkdir -p $(@D)
	$(CC) $(all_cflags) -MF $(BUILD)/obj/$*.d -o $@ $< $(BUILD)/libheap_dump.a -lcmocka $(tool_libs) -lstdc++

# The extension for the Rubies of script/rubies, each with its own compiler, and for those that HEAP_DUMP_RUBIES names as
# NAME=PREFIX (test/rubies.rb), with this machine's.
named_rubies := $(foreach pair,$(HEAP_DUMP_RUBIES),$(firstword $(subst =, ,$(pair))))
other_rubies := 2.7 3.3 3.4
other_rubies := $(filter-out $(named_rubies),$(other_rubies)) $(named_rubies)
named_prefix  = $(word 2,$(subst =, ,$(filter $(1)=%,$(HEAP_DUMP_RUBIES))))
run_with      = $(if $(filter $(1),$(named_rubies)),env "PATH=$(call named_prefix,$(1))/bin:$$PATH",$(CURDIR)/build/rubies/$(1)/bin/run)
.PHONY: $(addprefix ext-,$(other_rubies))
ext-others: $(addprefix ext-,$(other_rubies))
$(addprefix ext-,$(other_rubies)): ext-%:
	@$(if $(filter $*,$(named_rubies)),test -x $(call named_prefix,$*)/bin/ruby,script/rubies $*)
	@mkdir -p $(BUILD)/$@/obj $(BUILD)/$@/heap_dump
	@$(call stale_headers,$(BUILD)/$@/obj)
	@cd $(BUILD)/$@/obj && { [ Makefile -nt $(CURDIR)/ext/heap_dump/extconf.rb ] \
		&& [ Makefile -nt $(CURDIR)/Makefile ] \
		|| $(call run_with,$*) ruby $(CURDIR)/ext/heap_dump/extconf.rb; }
	@$(call run_with,$*) make --no-print-directory -C $(BUILD)/$@/obj
	@cmp -s $(BUILD)/$@/obj/heap_dump.so $(BUILD)/$@/heap_dump/heap_dump.so \
		|| $(call replace,$(BUILD)/$@/obj/heap_dump.so,$(BUILD)/$@/heap_dump/heap_dump.so)

check:
	@script/setup
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory all unit ext-others
	@test/run

# Compiles everything with warnings as errors, into a folder of its own.
lint:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/lint NPM= CFLAGS="-O2 -Werror" $(BUILD)/lint/libheap_dump.a \
		$(BUILD)/lint/heap_dump >/dev/null

demo:
	@script/setup
	@$(MAKE) --no-print-directory all
	@demo/run

bench: all $(BUILD)/bench/parse_only
	@bench/run
	@bench/outside
	@bench/analyse --hard
	@bench/export
	@bench/sql
	@bench/serve
$(BUILD)/bench/%: bench/%.cc
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 -O2 -o $@ $< -lsimdjson

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/lib/heap_dump/ruby/heap_dump
	install -m 755 $(BUILD)/heap_dump $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(BUILD)/libheap_dump.a $(DESTDIR)$(PREFIX)/lib/
	install -m 644 include/heap_dump.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(BUILD)/share/heap_dump.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 $(BUILD)/share/heap_dump.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/heap_dump
	install -m 644 $(BUILD)/share/_heap_dump $(DESTDIR)$(PREFIX)/share/zsh/site-functions/
	install -m 644 lib/heap_dump.rb $(DESTDIR)$(PREFIX)/lib/heap_dump/ruby/
	install -m 644 lib/heap_dump/version.rb $(DESTDIR)$(PREFIX)/lib/heap_dump/ruby/heap_dump/
	install -m 755 $(BUILD)/ext/heap_dump/heap_dump.so $(DESTDIR)$(PREFIX)/lib/heap_dump/ruby/heap_dump/

gem:
	gem build heap_dump.gemspec

# With clang each target is libFuzzer's; without it fuzz/driver.c mutates blindly. What they find new is kept in
# build/fuzz/new-NAME, an input that fails in build/fuzz/NAME-crash-….
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= check commands index kept diff tree values regex core malloc sql web $(if $(MONGOC),mongodb)
fuzz:
	@MAKE="$(MAKE)" BUILD="$(BUILD)/fuzz" fuzz/run $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# What fuzz/run links: FUZZ_ENGINE is libFuzzer's switch or the driver's object.
.SECONDARY: $(addprefix $(BUILD)/obj/fuzz/,fuzz_check.o fuzz_core.o fuzz_malloc.o fuzz_commands.o fuzz_index.o fuzz_kept.o fuzz_diff.o fuzz_tree.o fuzz_values.o fuzz_regex.o fuzz_sql.o fuzz_web.o fuzz_mongodb.o questions.o driver.o)
fuzz_helpers := $(call object,$(filter-out cli/main.c,$(cli)) fuzz/questions.c)
$(BUILD)/fuzz_%: $(BUILD)/obj/fuzz/fuzz_%.o $(fuzz_helpers) $(BUILD)/libheap_dump.a $(filter %.o,$(FUZZ_ENGINE))
	$(CXX) $(CFLAGS) $(LDFLAGS) -o $@ $(filter -%,$(FUZZ_ENGINE)) $(filter %.o,$^) $(BUILD)/libheap_dump.a $(tool_libs)

clean:
	rm -rf $(BUILD)/obj $(BUILD)/ext $(addprefix $(BUILD)/ext-,$(other_rubies)) $(BUILD)/lint $(BUILD)/fuzz $(BUILD)/libheap_dump.a \
		$(BUILD)/heap_dump $(BUILD)/embed $(BUILD)/web/assets.c $(BUILD)/web/assets.o $(BUILD)/web/dist

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
