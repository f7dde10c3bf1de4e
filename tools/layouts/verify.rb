# frozen_string_literal: true

# Compares a layout table with the Ruby that runs this file: ruby tools/layouts/verify.rb [TABLE]
#
# It makes objects whose contents it knows, reads the words at the table's offsets out of its own memory, and
# expects to find these contents. So a table made from the source of a neighbouring release can be trusted, or not.
# It needs fiddle only. Exit status 1 if a check fails.

require "fiddle"

class Table
  def initialize(path)
    @values = File.read(path).scan(/^    \.(\w+) = (-?\d+|HD_ABSENT),/).to_h { |k, v| [k.to_sym, v == "HD_ABSENT" ? nil : v.to_i] }
  end

  # Builds of one release differ in the size of jmp_buf, which lies in a fiber before these (src/ruby/variant.c).
  def move_fibers(bytes)
    %i[fiber_first_proc fiber_prev fiber_resuming fiber_size].each { |name| @values[name] += bytes if @values[name] }
    @values[:fiber_status_bit] += 8 * bytes if @values[:fiber_status_bit]
  end

  def [](name)

    @values.fetch(name)

  end
end

class Verifier
  def initialize(table)
    @table = table
    @checked = {}
    @failed = []
    @memory = File.open("/proc/self/mem", "rb")
  end

  attr_reader :checked, :failed

  def addr(object)
    Fiddle.dlwrap(object)
  end

  # Through the kernel: a wrong address is an error, not the end of the process.
  def bytes(at, size)
    @memory.pread(size, at)
  end

  def read(at, size, format)
    bytes(at, size).unpack1(format)
  end

  def word(at)
    read(at, 8, "Q")
  end

  def int(at)
    read(at, 4, "l")
  end

  def bits(at, first, width)
    (read(at + first / 8, 4, "L") >> (first % 8)) & ((1 << width) - 1)
  end

  # The object a word stands for, if it can be one: asking Ruby about garbage would end the process.
  def object_at(word)
    return Fiddle.dlunwrap(word) if immediate?(word) || object?(word)

    "no object: 0x#{word.to_s(16)}"
  end

  def immediate?(word)
    word & 1 == 1 || word & 3 == 2 || word & 0xff == @table[:k_RUBY_SYMBOL_FLAG] || [nil, true, false].any? { |o| addr(o) == word }
  end

  def object?(word)
    word & 7 == 0 && mapped?(word) && (1..0x15).cover?(word(word) & 31) && (word(word + 8) == 0 || mapped?(word(word + 8)))
  end

  # A class of 0 is that of objects which Ruby hides from programs.
  def mapped?(address)
    ranges = File.readlines("/proc/self/maps").grep(/ rw-p /).map { |line| line[/\S+/].split("-").map(&:hex) }
    ranges.any? { |low, high| address.between?(low, high - 16) }
  end

  def cstring(at)
    (0..).lazy.map { |i| bytes(at + i, 1) }.take_while { |c| c != "\0" }.to_a.join
  end

  # The word (or what the block reads) at base + offset must be the expected one.
  def check(name, base, expected)
    offset = @table[name] or return
    found = block_given? ? yield(base + offset) : word(base + offset)
    note(name, expected === found, "#{found.inspect}, expected #{expected.inspect}")
  end

  def note(name, good, text = "wrong")
    @checked[name] = true
    @failed << "#{name} = #{@table[name].inspect}: #{text}" unless good
  end

  # Where a T_DATA object keeps its struct.
  def data(object)
    data_at(addr(object))
  end

  # Since 4.0 the type's lowest bit says that the struct lies in the slot; before, a word of its own did.
  def data_at(at)
    if @table[:k_TYPED_DATA_EMBEDDED] && word(at + @table[@table[:data_flag] ? :data_flag : :data_type]) & @table[:k_TYPED_DATA_EMBEDDED] != 0
      at + @table[:data_data]
    else
      word(at + @table[:data_data])
    end
  end

  def data_type_name(object)
    data_type_name_at(addr(object))
  end

  def data_type_name_at(at)
    cstring(word((word(at + @table[:data_type]) & ~1) + @table[:data_type_name]))
  end

  def constants
    { k_Qnil: nil, k_Qtrue: true, k_Qfalse: false }.each { |name, value| note(name, @table[name] == addr(value)) }
    note(:k_FL_FREEZE, word(addr("x".dup.freeze)) & @table[:k_FL_FREEZE] != 0 && word(addr("x".dup)) & @table[:k_FL_FREEZE] == 0)
    note(:k_FL_SINGLETON, word(addr(Object.new.singleton_class)) & @table[:k_FL_SINGLETON] != 0 &&
                          word(addr(Object)) & @table[:k_FL_SINGLETON] == 0)
    note(:k_RSTRING_NOEMBED, word(addr("x" * 5000)) & @table[:k_RSTRING_NOEMBED] != 0 && word(addr("x".dup)) & @table[:k_RSTRING_NOEMBED] == 0)
    note(:k_RARRAY_EMBED_FLAG, word(addr([1, 2])) & @table[:k_RARRAY_EMBED_FLAG] != 0 && word(addr([1] * 999)) & @table[:k_RARRAY_EMBED_FLAG] == 0)
    array = [1, 2, 3]
    length = (word(addr(array)) & @table[:k_RARRAY_EMBED_LEN_MASK]) >> @table[:k_RARRAY_EMBED_LEN_SHIFT]
    note(:k_RARRAY_EMBED_LEN_SHIFT, length == 3, length)
  end

  def data_types
    note(:data_type_name, data_type_name(proc {}) == "proc")
    method = [].method(:push)
    note(:data_type, data_type_name(method) == "method", data_type_name(method))
  end

  def methods
    receiver = +"receiver"
    at = data(receiver.method(:upcase))
    check(:method_recv, at, addr(receiver))
    check(:method_owner, at, addr(String))
    entry = word(at + @table[:method_me])
    check(:ment_owner, entry, addr(String))
    note(:method_me, word(entry + @table[:ment_owner]) == addr(String))
    check(:ment_called_id, entry, :upcase.object_id) { |a| identifier(word(a)) }
    # For a bound method of a class without refinements klass is the class that was asked, iclass where it was found.
    if @table[:method_owner]
      check(:method_iclass, at, addr(String))
    else
      check(:method_iclass, at, addr(String))
      check(:method_klass, at, addr(String))
    end
    unbound = Comparable.instance_method(:clamp)
    check(:method_recv, data(unbound), addr(nil)..0x34)
    definition = word(entry + @table[:ment_def])
    note(:ment_def, definition != 0)
    check(:def_original_id, definition, :upcase.object_id) { |a| identifier(word(a)) }
  end

  # The object_id of the static Symbol an ID stands for: (ID << RUBY_SPECIAL_SHIFT | SYMBOL_FLAG) is its VALUE.
  def identifier(id)
    object_at((id & 0xffffffff) << @table[:k_RUBY_SPECIAL_SHIFT] | @table[:k_RUBY_SYMBOL_FLAG]).object_id
  end

  def procs
    local = +"captured"
    block = proc { local }
    at = data(block) + @table[:proc_block]
    check(:block_self, at, addr(self))
    check(:block_type, at, @table[:k_block_type_iseq]) { |a| int(a) }
    environment = word(word(at + @table[:block_ep]) + 8) # ep[1] is the env object (VM_ENV_DATA_INDEX_ENV)
    flags = word(environment)
    note(:k_imemo_env, (flags >> @table[:k_FL_USHIFT]) & @table[:k_IMEMO_MASK] == @table[:k_imemo_env])
    check(:env_ep, environment, word(at + @table[:block_ep]))
    size = word(environment + @table[:env_size])
    values = word(environment + @table[:env_env])
    note(:env_env, (0...size).any? { |i| word(values + i * 8) == addr(local) })
    iseq = word(environment + @table[:env_iseq])
    note(:env_iseq, (word(iseq) >> @table[:k_FL_USHIFT]) & @table[:k_IMEMO_MASK] == @table[:k_imemo_iseq])
    check(:block_code, at, ->(code) { iseq_of(block) == code })
    body = word(iseq + @table[:iseq_body])
    check(:iseq_body_type, body, @table[:k_ISEQ_TYPE_METHOD]) { |a| int(a) }
    # A Fixnum up to 3.1, an int later.
    tagged = @table[:iseq_body_first_lineno_size] == 8
    check(:iseq_body_first_lineno, body, method(:procs).source_location[1]) { |a| int(a) >> (tagged ? 1 : 0) }
    note(:iseq_body_first_lineno_size, true)
    note(:iseq_body_local_table_size, int(body + @table[:iseq_body_local_table_size]) >= 10)
    first = identifier(word(word(body + @table[:iseq_body_local_table])))
    note(:iseq_body_local_table, first == :local.object_id)
    inner = word(word(at + @table[:block_code]) + @table[:iseq_body])
    check(:iseq_body_parent, inner, iseq)
    check(:iseq_body_local_iseq, inner, iseq)
    label = object_at(word(body + @table[:iseq_body_label]))
    note(:iseq_body_label, label == "procs" || label == "Verifier#procs", label)
    path = object_at(word(body + @table[:iseq_body_path]))
    note(:iseq_body_path, Array(path).first == __FILE__, path)
    binding_at = data(binding)
    check(:binding_path, binding_at, word(body + @table[:iseq_body_path]))
    check(:binding_first_lineno, binding_at, __LINE__ - 2) { |a| int(a) }
    note(:binding_block, word(binding_at + @table[:binding_block] + @table[:block_self]) == addr(self))
  end

  def iseq_of(block)
    wrapper = RubyVM::InstructionSequence.of(block)
    found = word(addr(wrapper) + @table[:data_data])
    word(found) & 0x1f == 0x1a ? found : word(found) # since 3.4 the wrapper's data is a pointer to the pointer
  end

  def enumerators
    source = [1, 2, 3]
    each = source.enum_for(:each_slice, 2) { 42 }
    at = data(each)
    check(:enumerator_obj, at, addr(source))
    check(:enumerator_meth, at, :each_slice.object_id) { |a| identifier(word(a)) }
    check(:enumerator_args, at, [2]) { |a| object_at(word(a)) }
    size = object_at(word(at + @table[:enumerator_size]))
    note(:enumerator_size, size.is_a?(Proc) && size.call == 42, size)
    each.next
    check(:enumerator_fib, at, Fiber) { |a| object_at(word(a)) }
    check(:enumerator_dst, at, Fiber) { |a| object_at(word(a)) }
    each.peek
    check(:enumerator_lookahead, at, [[3]]) { |a| object_at(word(a)) }
    2.times { each.next rescue nil }
    check(:enumerator_stop_exc, at, StopIteration) { |a| object_at(word(a)) }
    each.rewind
    each.next
    block = proc { |y| y << 1 }
    maker = Enumerator.new(&block)
    generator = object_at(word(data(maker) + @table[:enumerator_obj]))
    check(:generator_proc, data(generator), addr(block))
    chain = source.each + source.each
    check(:enum_chain_enums, data(chain), Array) { |a| object_at(word(a)) }
    endless = Enumerator.produce(source, &block)
    producer = object_at(word(data(endless) + @table[:enumerator_obj]))
    producer = object_at(word(data(producer) + @table[:generator_obj])) if data_type_name(producer) == "generator"
    check(:producer_init, data(producer), addr(source))
    check(:producer_proc, data(producer), addr(block))
    lazy = source.lazy.map(&block)
    check(:enumerator_procs, data(lazy), Array) { |a| object_at(word(a)) }
    entry = object_at(word(data(lazy) + @table[:enumerator_procs])).first
    check(:proc_entry_proc, data(entry), addr(block))
  end

  # What is before first_proc points, where there is a JIT, and since 3.3 always, to what begins with the fiber's execution context.
  def find_fibers
    ec = word(data(Thread.current) + @table[:thread_ec])
    found = [0, 160, -160].find do |bytes|
      before = word(word(ec + @table[:ec_fiber]) + @table[:fiber_first_proc] + bytes - 8)
      before & 7 == 0 && mapped?(before) && word(before) == ec
    end
    @table.move_fibers(found || 0)
  end

  def fibers
    find_fibers
    work = proc { Fiber.yield }
    fiber = Fiber.new(&work)
    at = data(fiber)
    context = at + @table[:fiber_cont]
    status = -> { bits(at, @table[:fiber_status_bit], @table[:fiber_status_bits]) }
    check(:cont_self, context, addr(fiber))
    check(:cont_type, context, @table[:k_FIBER_CONTEXT]) { |a| int(a) }
    check(:fiber_first_proc, at, addr(work))
    note(:k_FIBER_CREATED, status.call == @table[:k_FIBER_CREATED], status.call)
    fiber.resume
    note(:k_FIBER_SUSPENDED, status.call == @table[:k_FIBER_SUSPENDED], status.call)
    saved = context + @table[:cont_ec]
    check(:ec_fiber, saved, at)
    check(:ec_thread, saved, data(Thread.current))
    stack = word(saved + @table[:ec_vm_stack])
    frame = word(saved + @table[:ec_cfp])
    size = word(saved + @table[:ec_vm_stack_size])
    note(:ec_cfp, (stack..stack + size * 8).cover?(frame))
    # What a fiber that waits has on its machine stack, in words; the stack grows downwards.
    low = word(context + @table[:cont_machine_stack])
    high = low + word(context + @table[:cont_machine_stack_size]) * 8
    check(:ec_machine_start, saved, high)
    note(:cont_machine_stack, high > low)
    note(:cont_machine_stack_size, high > low)
    storage = word(saved + @table[:ec_local_storage])
    note(:ec_local_storage, storage == 0, storage)
    fiber.resume
    note(:k_FIBER_TERMINATED, status.call == @table[:k_FIBER_TERMINATED], status.call)
    outer = data(current_fiber)
    inner = nil
    seen = nil
    inner = Fiber.new { seen = [(word(outer + @table[:fiber_resuming]) if @table[:fiber_resuming]), word(data(inner) + @table[:fiber_prev])] }
    inner.resume
    note(:fiber_resuming, seen[0] == data(inner)) if @table[:fiber_resuming]
    note(:fiber_prev, seen[1] == outer)
    note(:fiber_status_bit, bits(outer, @table[:fiber_status_bit], 2) == @table[:k_FIBER_RESUMED])
  end

  def threads
    thread = Thread.new { Thread.stop; :"the result" }
    Thread.pass until thread.stop?
    thread.name = "verified"
    at = data(thread)
    check(:thread_self, at, addr(thread))
    check(:thread_name, at, "verified") { |a| object_at(word(a)) }
    check(:thread_thgroup, at, addr(ThreadGroup::Default))
    waiting = word(at + @table[:thread_ec])
    check(:ec_machine_end, waiting, ->(low) { (1..1 << 20).cover?(word(waiting + @table[:ec_machine_start]) - low) })
    status = -> { bits(at, @table[:thread_status_bit], @table[:thread_status_bits]) }
    note(:thread_status_bit, status.call == @table[:k_THREAD_STOPPED_FOREVER], status.call)
    # Not through the kernel: a thread in a system call counts as stopped.
    first = @table[:thread_status_bit]
    own_status = Fiddle::Pointer.new(data(Thread.current))[first / 8, 4].unpack1("L") >> (first % 8) & 3
    note(:k_THREAD_RUNNABLE, own_status == @table[:k_THREAD_RUNNABLE], own_status)
    thread.run
    thread.join
    check(:thread_value, at, addr(:"the result"))
    note(:k_THREAD_KILLED, status.call == @table[:k_THREAD_KILLED], status.call)
    own = data(Thread.current)
    check(:ec_thread, word(own + @table[:thread_ec]), own)
    check(:ec_fiber, word(own + @table[:thread_ec]), data(current_fiber))
    note(:thread_ec, true)
    check(:thread_root_fiber, own, data(current_fiber))
    check(:thread_ractor, own, data(Ractor.current)) if defined?(Ractor)
    Thread.current[:marker] = 1
    note(:ec_local_storage, word(word(own + @table[:thread_ec]) + @table[:ec_local_storage]) != 0)
    frames
  end

  def frames
    frame = word(word(data(Thread.current) + @table[:thread_ec]) + @table[:ec_cfp])
    found = (0..40).find { |i| word(frame + i * @table[:cfp_size] + @table[:cfp_self]) == addr(self) && iseq_label(frame + i * @table[:cfp_size]) == "frames" }
    note(:cfp_self, found)
    note(:cfp_size, found)
    note(:cfp_iseq, found)
  end

  def iseq_label(frame)
    iseq = word(frame + @table[:cfp_iseq])
    return if iseq == 0 || (word(iseq) & 31) != 0x1a # T_IMEMO

    object_at(word(word(iseq + @table[:iseq_body]) + @table[:iseq_body_label]))
  end

  def files
    File.open(__FILE__) do |file|
      file.gets
      at = word(addr(file) + @table[:file_fptr])
      check(:io_self, at, addr(file))
      check(:io_fd, at, file.fileno) { |a| int(a) }
      check(:io_lineno, at, 1) { |a| int(a) }
      check(:io_pathv, at, __FILE__) { |a| object_at(word(a)) }
      check(:io_mode, at, ->(mode) { mode & @table[:k_FMODE_READABLE] != 0 && mode & @table[:k_FMODE_WRITABLE] == 0 }) { |a| int(a) }
    end
    IO.popen(["true"]) { |pipe| check(:io_pid, word(addr(pipe) + @table[:file_fptr]), pipe.pid) { |a| int(a) } }
    IO.pipe do |reader, _|
      reader.timeout = 5 if reader.respond_to?(:timeout=)
      at = word(addr(reader) + @table[:file_fptr])
      check(:io_timeout, at, addr(5)) if reader.respond_to?(:timeout=)
      note(:io_tied, word(at + @table[:io_tied]) == 0)
    end
    File.open(File::NULL, "w") do |writer|
      writer.write "buffered"
      check(:io_write_lock, word(addr(writer) + @table[:file_fptr]), Thread::Mutex) { |a| object_at(word(a)) }
    end
  end

  def mutexes
    mutex = Thread::Mutex.new
    mutex.lock
    check(:mutex_fiber, data(mutex), data(current_fiber))
    check(:mutex_ec_serial, data(mutex), 1..1 << 32)
    check(:mutex_thread, data(mutex), data(Thread.current)) if @table[:mutex_ec_serial]
    check(:mutex_ec_serial, data(Thread::Mutex.new), 0)
    queue = Thread::Queue.new << 7
    # The array has no class, so Ruby must not see it.
    check(:queue_que, data(queue), addr(7)) { |a| object?(word(a)) && word(word(a) + @table[:array_ary]) }
  end

  def table_size(at)
    word(at + @table[:st_num_entries])
  end

  # The call caches of a class, by method name.
  def call_caches
    return unless @table[:classext_cc]

    receiver = Class.new { def self.called; end }
    3.times { receiver.called }
    klass = addr(receiver.singleton_class)
    extension = class_extension(receiver.singleton_class)
    table = word(extension + @table[:classext_cc])
    note(:classext_cc, data_type_name_at(table) == "VM/cc_table") if @table[:classext_fields_obj]
    table = data_at(table) if @table[:classext_fields_obj] # an object since 4.0
    items = word(table + @table[:id_table_items])
    size = @table[:id_item_size]
    found = (0...int(table + @table[:id_table_capa])).map { |i| items + i * size }.select { |item| int(item + @table[:id_item_key]) != 0 }
    caches = found.map { |item| word(item + @table[:id_item_val]) }.find { |list| int(list + @table[:ccs_len]).between?(1, 8) }
    note(:classext_cc, caches)
    entry = @table[:classext_fields_obj] ? caches + @table[:ccs_entries] : word(caches + @table[:ccs_entries])
    check(:ccs_entry_cc, entry, @table[:k_imemo_callcache]) { |a| imemo_type(word(a)) }
    check(:ccs_cme, caches, @table[:k_imemo_ment]) { |a| imemo_type(word(a)) }
    check(:callcache_klass, word(entry + @table[:ccs_entry_cc]), klass)
  end

  def imemo_type(at)
    return "no object: 0x#{at.to_s(16)}" unless at & 7 == 0 && mapped?(at)

    (word(at) >> @table[:k_FL_USHIFT]) & @table[:k_IMEMO_MASK] if word(at) & 0x1f == 0x1a
  end

  def object_space
    vm = word(data(Thread.current) + @table[:thread_vm])
    exported = Fiddle.dlopen(nil)["ruby_current_vm_ptr"] rescue nil # hidden since 3.2
    note(:thread_vm, word(exported) == vm) if exported
    check(:vm_main_thread, vm, data(Thread.main))
    check(:vm_main_ractor, vm, data(Ractor.current)) if defined?(Ractor)
    check(:vm_load_path, vm, addr($LOAD_PATH))
    check(:vm_loaded_features, vm, addr($LOADED_FEATURES))
    boxes(vm) if @table[:box_size]
    space = word(vm + @table[:vm_objspace])
    note(:vm_objspace, space != 0)
    check(:objspace_count, space, GC.count)
    GC.disable
    check(:objspace_allocated, space, GC.stat(:heap_allocated_pages))
    pages = word(space + @table[:objspace_sorted])
    if @table[:objspace_sorted_data]
      check(:objspace_sorted_size, pages, GC.stat(:heap_allocated_pages))
      pages += @table[:objspace_sorted_data]
      note(:objspace_sorted_data, true)
    end
    object = addr(Object.new)
    page_mask = (1 << @table[:k_HEAP_PAGE_ALIGN_LOG]) - 1
    page = (0...GC.stat(:heap_allocated_pages)).map { |i| word(pages + i * 8) }.find { |p| word(p + @table[:page_start]) & ~page_mask == object & ~page_mask }
    note(:objspace_sorted, page)
    return unless page

    note(:k_HEAP_PAGE_SIZE, object & page_mask != 0)
    slot_size = @table[:page_slot_size] ? read(page + @table[:page_slot_size], 2, "s") : @table[:rvalue_size]
    note(:page_slot_size, slot_size == (GC::INTERNAL_CONSTANTS[:RVALUE_SIZE] || GC::INTERNAL_CONSTANTS[:BASE_SLOT_SIZE])) if @table[:page_slot_size]
    total = read(page + @table[:page_total], 2, "s")
    note(:page_total, total.between?(100, GC::INTERNAL_CONSTANTS[:HEAP_PAGE_OBJ_LIMIT]), total)
    note(:page_start, (object - word(page + @table[:page_start])) % slot_size == 0)
    check(:page_body_header_page, object & ~page_mask, page)
    note(:page_mark_bits, [Object, String, Hash, Kernel].all? { |old| marked?(addr(old)) })
    free = read(page + @table[:page_free_slots], 2, "s")
    note(:page_free_slots, free.between?(0, total), free)
    GC.enable
    before = int(space + @table[:objspace_flags])
    GC.disable
    note(:objspace_flags, (before ^ int(space + @table[:objspace_flags])).digits(2).sum == 1)
    check(:objspace_size_pools, space, slot_size) { |a| read(a, 2, "s") }
    finalized = Object.new
    before = table_size(word(space + @table[:objspace_finalizer])) rescue 0
    ObjectSpace.define_finalizer(finalized, proc {})
    note(:objspace_finalizer, table_size(word(space + @table[:objspace_finalizer])) == before + 1)
    numbered = Array.new(3) { Object.new }
    ids = %i[objspace_id_to_obj_tbl objspace_obj_to_id_tbl].select { |name| @table[name] }
    counts = ids.map { |name| table_size(word(space + @table[name])) }
    numbered.each(&:object_id)
    ids.zip(counts) { |name, count| note(name, table_size(word(space + @table[name])) == count + 3) }
    GC.enable
  end

  # Since 4.0 what is loaded belongs to a box (Ruby::Box); without RUBY_BOX=1 there is the root box alone.
  def boxes(vm)
    root = word(vm + @table[:vm_root_box])
    check(:box_loaded_features, Ruby::Box.enabled? ? word(vm + @table[:vm_main_box]) : root, addr($LOADED_FEATURES))
    check(:box_object, root, Ruby::Box.enabled? ? Ruby::Box : NilClass) { |a| object_at(word(a)) }
    check(:box_is_user, root, 0) { |a| read(a, 1, "C") }
    note(:vm_root_box, root != 0)
    main = word(vm + @table[:vm_main_box])
    return note(:vm_main_box, [0, root].include?(main), main) unless Ruby::Box.enabled?

    check(:box_object, main, addr(Ruby::Box.main))
    check(:box_is_user, main, 1) { |a| read(a, 1, "C") }
  end

  # Old objects stay marked between collections. There is a bit for every BASE_SLOT_SIZE bytes of the page.
  def marked?(object)
    body = object & ~((1 << @table[:k_HEAP_PAGE_ALIGN_LOG]) - 1)
    index = (object - body) / (@table[:rvalue_size] || @table[:k_BASE_SLOT_SIZE])
    page = word(body + @table[:page_body_header_page])
    word(page + @table[:page_mark_bits] + index / 64 * 8)[index % 64] == 1
  end

  def classes
    klass = Class.new(Hash) { const_set(:MARK, 4711); define_method(:marked) {} }
    ext = class_extension(klass)
    check(:class_super, addr(klass), addr(Hash))
    entry = id_table(word(ext + @table[:classext_const]))[:MARK]
    note(:classext_const, entry)
    check(:const_entry_value, entry, addr(4711)) if entry
    check(:const_entry_file, entry, __FILE__) { |a| object_at(word(a)) } if entry
    table = @table[:class_m_tbl] ? word(addr(klass) + @table[:class_m_tbl]) : word(ext + @table[:classext_m_tbl])
    note(:id_table_items, id_table(table)[:marked])
    check(:classext_origin, ext, addr(klass))
    single = (object = Object.new).singleton_class
    check(:classext_attached, class_extension(single), addr(object))
  end

  # Since 3.2 it follows in the slot.
  def class_extension(klass)
    @table[:class_ext] ? word(addr(klass) + @table[:class_ext]) : addr(klass) + @table[:class_size]
  end

  # {Symbol => value} of a struct rb_id_table; its keys are serials of IDs, 0 where the slot is free.
  def id_table(at)
    capacity = int(at + @table[:id_table_capa])
    items = word(at + @table[:id_table_items])
    (0...capacity).each_with_object({}) do |i, found|
      item = items + i * @table[:id_item_size]
      %i[MARK marked].each do |name|
        id = addr(name) >> @table[:k_RUBY_SPECIAL_SHIFT]
        found[name] = word(item + @table[:id_item_val]) if int(item + @table[:id_item_key]) == id >> @table[:k_ID_SCOPE_SHIFT]
      end
    end
  end

  def values
    text = "t" * 6000
    at = addr(text)
    check(@table[:string_len_common] ? :string_len_common : :string_len, at, 6000)
    check(:string_ptr, at, "ttt") { |a| bytes(word(a), 3) }
    list = Array.new(1000) { |i| i }
    check(:array_len, addr(list), 1000)
    check(:array_ptr, addr(list), addr(999)) { |a| word(word(a) + 999 * 8) }
    hash = Hash.new(:fallback)
    check(:hash_ifnone, addr(hash), addr(:fallback))
    20.times { |i| hash[i] = i }
    at = @table[:hash_st] ? word(addr(hash) + @table[:hash_st]) : addr(hash) + @table[:hash_size]
    check(:st_num_entries, at, 20)
    first = word(at + @table[:st_entries])
    check(:st_entry_key, first + @table[:st_entry_size] * 19, addr(19))
    check(:st_entry_record, first + @table[:st_entry_size] * 19, addr(19))
    check(:st_entries_bound, at, 20)
    ratio = Rational(3, 7)
    check(:rational_num, addr(ratio), addr(3))
    check(:rational_den, addr(ratio), addr(7))
    pattern = /x(y)/i
    check(:regexp_src, addr(pattern), "x(y)") { |a| object_at(word(a)) }
    check(:regexp_options, word(addr(pattern) + @table[:regexp_ptr]), Regexp::IGNORECASE) { |a| int(a) & 1 }
    match = pattern.match("axyz")
    check(:match_regexp, addr(match), addr(pattern))
    check(:match_str, addr(match), "axyz") { |a| object_at(word(a)) }
    symbol = "dynamic #{rand}".to_sym
    check(:symbol_fstr, addr(symbol), symbol.to_s) { |a| object_at(word(a)) }
    row = Struct.new(*("a".."z").map(&:to_sym)).new(*(1..26))
    check(:struct_ptr, addr(row), addr(26)) { |a| word(word(a) + 25 * 8) } if word(addr(row)) & @table[:k_RSTRUCT_EMBED_LEN_MASK] == 0
  end

  # The list of a ractor's threads runs through thread_lt_node; its head is in the ractor.
  def current_fiber
    require "fiber" # before 3.1
    Fiber.current
  end

  # Before 3.0 threads are listed by the virtual machine itself.
  def living_threads
    own = data(Thread.current)
    head = word(own + @table[:thread_vm]) + @table[:vm_living_threads]
    node = own + @table[:thread_lt_node]
    seen = [head]
    seen << word(seen.last) while seen.size < 100 && seen.last != node
    note(:vm_living_threads, seen.last == node)
    note(:thread_lt_node, seen.last == node)
  end

  def ractors
    return living_threads unless @table[:thread_ractor]

    own = data(Thread.current)
    ractor = word(own + @table[:thread_ractor])
    head = ractor + @table[:ractor_threads_set]
    node = own + @table[:thread_lt_node]
    seen = [head]
    seen << word(seen.last) while seen.size < 100 && seen.last != node
    note(:ractor_threads_set, seen.last == node)
    note(:thread_lt_node, seen.last == node)
    vm = word(own + @table[:thread_vm])
    check(:vm_ractor_set, vm, ractor + @table[:ractor_vmlr_node])
    note(:ractor_vmlr_node, word(vm + @table[:vm_ractor_set]) == ractor + @table[:ractor_vmlr_node])
  end

  def numbers
    complex = Complex(3, 7)
    check(:complex_real, addr(complex), addr(3))
    check(:complex_imag, addr(complex), addr(7))
    check(:float_value, addr(1e300), 1e300) { |a| read(a, 8, "d") }
    big = (1 << 6400) + 5
    check(:bignum_len, addr(big), 6400 / 8 / @table[:k_SIZEOF_BDIGIT] + 1)
    check(:bignum_digits, addr(big), 5) { |a| word(word(a)) }
    note(:k_BIGNUM_EMBED_FLAG, word(addr(big)) & @table[:k_BIGNUM_EMBED_FLAG] == 0 && word(addr(1 << 70)) & @table[:k_BIGNUM_EMBED_FLAG] != 0)
    note(:k_BIGNUM_SIGN_BIT, word(addr(big)) & @table[:k_BIGNUM_SIGN_BIT] != 0 && word(addr(-big)) & @table[:k_BIGNUM_SIGN_BIT] == 0)
  end

  def objects
    klass = Class.new { def initialize(n); n.times { |i| instance_variable_set(:"@v#{i}", i) }; end }
    object = klass.new(60) # the first of its class: Ruby does not know yet how much room to reserve in the slot
    %i[k_ROBJECT_EMBED k_ROBJECT_HEAP].select { |name| @table[name] }.each do |name| # the one says the contrary of the other
      small = name == :k_ROBJECT_EMBED
      note(name, (word(addr(object)) & @table[name] == 0) == small && (word(addr(Class.new(klass).new(1))) & @table[name] == 0) != small)
    end
    check(:object_ivptr, addr(object), addr(59)) { |a| word(word(a) + 59 * 8) }
    check(:object_numiv, addr(object), 60..200) { |a| int(a) }
    shape(object) if @table[:shape_size] && !@table[:k_SHAPE_ID_OFFSET_MASK]
    shape_of_tree(object) if @table[:k_SHAPE_ID_OFFSET_MASK]
  end

  # Since 4.0 the tree is an exported variable, and a shape's number has flags above its index.
  def shape_of_tree(object)
    tree = Fiddle.dlopen(nil)["rb_shape_tree"]
    list = word(tree + @table[:shape_list_ptr])
    number = (word(addr(object)) >> @table[:k_SHAPE_FLAG_SHIFT]) & 0xffffffff
    find = ->(id) { list + (id & @table[:k_SHAPE_ID_OFFSET_MASK]) * @table[:shape_size] }
    at = find.call(number)
    note(:shape_list_ptr, read(list + @table[:shape_type], 1, "C") == @table[:k_SHAPE_ROOT])
    check(:shape_edge_name, at, :@v59.object_id) { |a| identifier(word(a)) }
    check(:shape_next_iv, at, 60) { |a| read(a, 2, "S") }
    check(:shape_capacity, at, 60..200) { |a| read(a, 2, "S") }
    check(:shape_type, at, @table[:k_SHAPE_IVAR]) { |a| read(a, 1, "C") }
    parent = find.call(read(at + @table[:shape_parent], 4, "L"))
    note(:shape_parent, identifier(word(parent + @table[:shape_edge_name])) == :@v58.object_id)
    note(:shape_size, (parent - list) % @table[:shape_size] == 0)
    heap = ->(id) { (id & @table[:k_SHAPE_ID_HEAP_INDEX_MASK]) >> @table[:k_SHAPE_ID_HEAP_INDEX_OFFSET] }
    check(:shape_capacities, tree, [3, 8, 18, 38, 78]) { |a| bytes(word(a), 10).unpack("S*") } # (slot size - 16) / 8
    note(:k_SHAPE_ID_HEAP_INDEX_MASK, heap.call(number).between?(1, 5), heap.call(number))
    numbered(object, number)
  end

  # An object_id is one more field, and a flag of the shape; beyond some number of shapes there is a table instead.
  def numbered(object, before)
    flags = ->(o) { (word(addr(o)) >> @table[:k_SHAPE_FLAG_SHIFT]) & 0xffffffff }
    object.object_id
    added = flags.call(object) & @table[:k_SHAPE_ID_FL_HAS_OBJECT_ID]
    note(:k_SHAPE_ID_FL_HAS_OBJECT_ID, added != 0 && before & @table[:k_SHAPE_ID_FL_HAS_OBJECT_ID] == 0)
    shape = word(Fiddle.dlopen(nil)["rb_shape_tree"] + @table[:shape_list_ptr]) + (flags.call(object) & @table[:k_SHAPE_ID_OFFSET_MASK]) * @table[:shape_size]
    check(:shape_type, shape, @table[:k_SHAPE_OBJ_ID]) { |a| read(a, 1, "C") }
    note(:k_SHAPE_OBJ_ID, word(word(addr(object) + @table[:object_ivptr]) + 60 * 8) == addr(object.object_id))
    klass = Class.new
    many = Array.new(20) { |i| klass.new.tap { |o| o.instance_variable_set(:"@only_#{i}_#{rand(1 << 60)}", i) } }
    note(:k_SHAPE_ID_FL_TOO_COMPLEX, flags.call(many.last) & @table[:k_SHAPE_ID_FL_TOO_COMPLEX] != 0 && flags.call(object) & @table[:k_SHAPE_ID_FL_TOO_COMPLEX] == 0)
    check(:class_object_id, addr(klass), addr(klass.object_id))
  end

  def shape(object)
    number = (word(addr(object)) >> @table[:k_SHAPE_FLAG_SHIFT]) & 0xffffffff
    find = Fiddle::Function.new(Fiddle.dlopen(nil)["rb_shape_get_shape_by_id"], [Fiddle::TYPE_INT], Fiddle::TYPE_UINTPTR_T)
    at = find.call(number)
    note(:shape_size, at - find.call(number - 1) == @table[:shape_size])
    check(:shape_edge_name, at, :@v59.object_id) { |a| identifier(word(a)) }
    check(:shape_next_iv, at, 60) { |a| int(a) }
    check(:shape_capacity, at, 60..200) { |a| int(a) }
    check(:shape_type, at, @table[:k_SHAPE_IVAR]) { |a| read(a, 1, "C") }
    parent = find.call(read(at + @table[:shape_parent], 4, "L"))
    note(:shape_parent, identifier(word(parent + @table[:shape_edge_name])) == :@v58.object_id)
    check(:shape_sizepool, at, (0..4)) { |a| read(a, 1, "C") }
  end

  def generic
    return fields if @table[:data_fields_obj]

    text = +"with an ivar"
    text.instance_variable_set(:@mark, 4712)
    note(:k_FL_EXIVAR, word(addr(text)) & @table[:k_FL_EXIVAR] != 0)
    lookup = Fiddle.dlopen(nil)["rb_ivar_generic_ivtbl_lookup"] rescue return
    out = Fiddle::Pointer.malloc(8, Fiddle::RUBY_FREE)
    Fiddle::Function.new(lookup, [Fiddle::TYPE_UINTPTR_T, Fiddle::TYPE_VOIDP], Fiddle::TYPE_INT).call(addr(text), out)
    values = out[0, 8].unpack1("Q")
    count = int(values + @table[:gen_ivtbl_numiv])
    note(:gen_ivtbl_numiv, count.between?(1, 16), count)
    note(:gen_ivtbl_ivptr, (0...count).any? { |i| word(values + @table[:gen_ivtbl_ivptr] + i * 8) == addr(4712) })
  end
end

class Verifier
  # Since 4.0 other objects' variables are in an object of their own (imemo_fields).
  def fields
    set = Set[:first, "second"]
    row = Struct.new(*("aa".."dz").map(&:to_sym)).new(*(1..104)) # too many for a slot
    short = Struct.new(:left).new(1)
    klass = Class.new { @mark = 4712 }
    [set, row, short].each { |object| object.instance_variable_set(:@mark, 4712) }
    holds = ->(at) { imemo_type(at) == @table[:k_imemo_fields] && word(at + @table[:object_ary]) == addr(4712) }
    check(:data_fields_obj, addr(set), holds)
    check(:struct_fields_obj, addr(row), holds)
    note(:k_RSTRUCT_GEN_FIELDS, word(addr(short)) & @table[:k_RSTRUCT_GEN_FIELDS] == 0 && holds.call(word(addr(short) + @table[:struct_ary] + 8)))
    check(:classext_fields_obj, addr(klass) + @table[:class_ext_embedded], holds)
    note(:k_RUBY_TYPED_FL_IS_TYPED_DATA, word(addr(set)) & @table[:k_RUBY_TYPED_FL_IS_TYPED_DATA] != 0)
    sets(set)
    modules
  end

  def sets(set)
    at = data(set) + @table[:set_object_table]
    note(:set_object_table, data_type_name(set) == "set")
    check(:set_num_entries, at, 2)
    check(:set_entries_start, at, 0)
    check(:set_entries_bound, at, 2)
    first = word(at + @table[:set_entries])
    check(:set_entry_key, first, addr(:first))
    check(:set_entry_key, first + @table[:set_entry_size], "second") { |a| object_at(word(a)) }
    note(:set_entries, true)
    note(:set_entry_size, true)
    many = Set.new(1..100)
    at = data(many) + @table[:set_object_table]
    many.delete(50)
    check(:set_entry_hash, word(at + @table[:set_entries]) + @table[:set_entry_size] * 49, (1 << 64) - 1)
    check(:set_num_entries, at, 99)
    note(:set_entry_power, read(at + @table[:set_entry_power], 1, "C") == 7)
    note(:set_type, word(at + @table[:set_type]) != word(data(Set.new.compare_by_identity) + @table[:set_object_table] + @table[:set_type]))
  end

  def modules
    prepended = Class.new { def own; 1; end }
    prepended.prepend(Module.new { def own; super; end })
    ext = addr(prepended) + @table[:class_ext_embedded]
    origin = word(ext + @table[:classext_origin])
    bit = ->(klass, name) { bits(klass + @table[:class_ext_embedded], @table[name], 1) }
    note(:classext_is_origin_bit, origin != addr(prepended) && bit.call(origin, :classext_is_origin_bit) == 1 && bit.call(addr(prepended), :classext_is_origin_bit) == 0)
    note(:classext_super, word(ext + @table[:classext_super]) == word(addr(prepended) + @table[:class_super]))
    note(:classext_superclasses_with_self_bit, bit.call(addr(Object), :classext_superclasses_with_self_bit) == 1)
    check(:classext_depth, addr(Integer) + @table[:class_ext_embedded], Integer.ancestors.count { |a| a.is_a?(Class) } - 1) { |a| read(a, 2, "S") }
    box = word(vm_of_current + @table[:vm_root_box])
    check(:classext_box, addr(String) + @table[:class_ext_embedded], box)
    boxable if Ruby::Box.enabled? # RUBY_BOX=1
  end

  # A box that has changed a class of Ruby's own has an extension of it.
  def boxable
    note(:k_RCLASS_BOXABLE, word(addr(String)) & @table[:k_RCLASS_BOXABLE] != 0)
    String.define_method(:only_in_this_box) {}
    table = word(addr(String) + @table[:class_box_exts])
    note(:class_box_exts, table_size(table) == 1)
    entry = word(table + @table[:st_entries])
    check(:st_entry_key, entry, addr(Ruby::Box.main))
    check(:classext_box, word(entry + @table[:st_entry_record]), word(vm_of_current + @table[:vm_main_box]))
  end

  def vm_of_current
    word(data(Thread.current) + @table[:thread_vm])
  end
end

# A table may serve several releases.
def table_of_this_ruby
  Dir[File.expand_path("../../src/ruby/layouts/*.inc", __dir__)].find { |file| File.read(file).include?(%({"#{RUBY_VERSION}", ")) }
end

table = ARGV[0] || table_of_this_ruby
unless table
  puts "there is no table for Ruby #{RUBY_VERSION}"
  exit 3
end
verifier = Verifier.new(Table.new(table))
%i[constants data_types methods procs enumerators fibers threads files mutexes call_caches object_space classes values ractors numbers objects generic].each do |group|
  verifier.public_send(group)
rescue StandardError => error
  verifier.failed << "#{group}: #{error.class}: #{error.message} (#{error.backtrace.first})"
end
puts verifier.failed
puts "#{RUBY_DESCRIPTION}: #{verifier.checked.size} members and constants checked, #{verifier.failed.size} wrong"
puts verifier.checked.keys.sort.join(" ") if ENV["VERBOSE"]
exit verifier.failed.empty?
