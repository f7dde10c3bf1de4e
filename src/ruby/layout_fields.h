/*
 * What a layout table holds: every member offset and constant of Ruby's internals that the decoder uses.
 *
 * One list, three readers: struct hd_layout (layout.h), the generated tables (layouts/), and the generator
 * (`heap_dump layout`), which looks the names up in debug information.
 *
 * FIELD(name, types, members): the byte offset of the first of `members` found in the first of `types` that has
 *   one; alternatives by comma, because releases differ. A member is a path with dots; "NAME[]" goes on in what NAME
 *   points to or is an array of; "@size" is the size of the type; a bit-field has "NAME.@bit" (its first bit, from
 *   the least significant of byte 0) and "NAME.@bits" (ruby/dwarf.h has it in full). HD_ABSENT where the release has
 *   no such member: code asks hd_layout_has() before it asks for a version.
 * CONST(name): the value of NAME, or else of RUBY_NAME, in Ruby's own sources: an enumerator, or a macro whose
 *   value is an integer constant. HD_ABSENT where the release does not define it.
 *
 * After a change here, make the tables again: docs/layouts.md.
 */
#ifndef HD_RUBY_LAYOUT_FIELDS_H
#define HD_RUBY_LAYOUT_FIELDS_H

/* clang-format off */
#define HD_LAYOUT_FIELDS(FIELD) \
    /* The virtual machine, ractors, threads and their frames */ \
    FIELD(vm_objspace,                       "struct rb_vm_struct", "objspace,gc.objspace") \
    FIELD(vm_main_ractor,                    "struct rb_vm_struct", "ractor.main_ractor") \
    FIELD(vm_main_thread,                    "struct rb_vm_struct", "ractor.main_thread,main_thread") \
    FIELD(vm_ractor_set,                     "struct rb_vm_struct", "ractor.set") \
    FIELD(vm_living_threads,                 "struct rb_vm_struct", "living_threads") \
    FIELD(vm_frozen_strings,                 "struct rb_vm_struct", "frozen_strings,fstring_table") \
    FIELD(vm_load_path,                      "struct rb_vm_struct", "load_path") \
    FIELD(vm_loaded_features,                "struct rb_vm_struct", "loaded_features") \
    FIELD(vm_shape_list,                     "struct rb_vm_struct", "shape_list") \
    FIELD(vm_at_exit,                        "struct rb_vm_struct", "at_exit") \
    FIELD(vm_root_box,                       "struct rb_vm_struct", "root_box") \
    FIELD(vm_main_box,                       "struct rb_vm_struct", "main_box") \
    FIELD(box_size,                          "struct rb_box_struct", "@size") \
    FIELD(box_object,                        "struct rb_box_struct", "box_object") \
    FIELD(box_is_user,                       "struct rb_box_struct", "is_user") \
    FIELD(box_loaded_features,               "struct rb_box_struct", "loaded_features") \
    FIELD(ractor_vmlr_node,                  "struct rb_ractor_struct", "vmlr_node") \
    FIELD(ractor_threads_set,                "struct rb_ractor_struct", "threads.set") \
    FIELD(ractor_ports,                      "struct rb_ractor_struct", "sync.ports") \
    FIELD(ractor_basket_value,               "struct ractor_basket", "p.v") \
    FIELD(ractor_basket_node,                "struct ractor_basket", "node") \
    FIELD(ractor_queue_set,                  "struct ractor_queue", "set") \
    FIELD(thread_lt_node,                    "struct rb_thread_struct", "lt_node,vmlt_node") \
    FIELD(thread_ec,                         "struct rb_thread_struct", "ec") \
    FIELD(thread_vm,                         "struct rb_thread_struct", "vm") \
    FIELD(thread_ractor,                     "struct rb_thread_struct", "ractor") \
    FIELD(thread_self,                       "struct rb_thread_struct", "self") \
    FIELD(thread_name,                       "struct rb_thread_struct", "name") \
    FIELD(thread_size,                       "struct rb_thread_struct", "@size") \
    FIELD(ec_vm_stack,                       "struct rb_execution_context_struct", "vm_stack") \
    FIELD(ec_vm_stack_size,                  "struct rb_execution_context_struct", "vm_stack_size") \
    FIELD(ec_cfp,                            "struct rb_execution_context_struct", "cfp") \
    FIELD(ec_local_storage,                  "struct rb_execution_context_struct", "local_storage") \
    FIELD(ec_local_storage_st,               "struct rb_execution_context_struct", "local_storage[].num_entries") \
    FIELD(ec_local_storage_recursive,        "struct rb_execution_context_struct", "local_storage_recursive_hash") \
    FIELD(ec_errinfo,                        "struct rb_execution_context_struct", "errinfo") \
    FIELD(ec_machine_start,                  "struct rb_execution_context_struct", "machine.stack_start") \
    FIELD(ec_machine_end,                    "struct rb_execution_context_struct", "machine.stack_end") \
    FIELD(cfp_size,                          "rb_control_frame_t", "@size") \
    FIELD(cfp_pc,                            "rb_control_frame_t", "pc") \
    FIELD(cfp_sp,                            "rb_control_frame_t", "sp") \
    FIELD(cfp_iseq,                          "rb_control_frame_t", "iseq") \
    FIELD(cfp_self,                          "rb_control_frame_t", "self") \
    FIELD(cfp_ep,                            "rb_control_frame_t", "ep") \
    FIELD(fiber_cont,                        "struct rb_fiber_struct", "cont") \
    FIELD(cont_ec,                           "struct rb_context_struct", "saved_ec") \
    FIELD(thread_status_bit,                 "struct rb_thread_struct", "status.@bit") \
    FIELD(thread_status_bits,                "struct rb_thread_struct", "status.@bits") \
    FIELD(thread_to_kill_bit,                "struct rb_thread_struct", "to_kill.@bit") \
    FIELD(fiber_status_bit,                  "struct rb_fiber_struct", "status.@bit") \
    FIELD(fiber_status_bits,                 "struct rb_fiber_struct", "status.@bits") \
    FIELD(thread_value,                      "struct rb_thread_struct", "value") \
    FIELD(thread_thgroup,                    "struct rb_thread_struct", "thgroup") \
    FIELD(thread_invoke_type,                "struct rb_thread_struct", "invoke_type") \
    FIELD(thread_root_fiber,                 "struct rb_thread_struct", "root_fiber") \
    FIELD(ec_fiber,                          "struct rb_execution_context_struct", "fiber_ptr") \
    FIELD(ec_thread,                         "struct rb_execution_context_struct", "thread_ptr") \
    FIELD(ec_local_storage_recursive_trace,  "struct rb_execution_context_struct", "local_storage_recursive_hash_for_trace") \
    FIELD(ec_private_const_reference,        "struct rb_execution_context_struct", "private_const_reference") \
    FIELD(ec_regs,                           "struct rb_execution_context_struct", "machine.regs") \
    FIELD(ec_size,                           "struct rb_execution_context_struct", "@size") \
    FIELD(cont_type,                         "struct rb_context_struct", "type") \
    FIELD(cont_self,                         "struct rb_context_struct", "self") \
    FIELD(cont_value,                        "struct rb_context_struct", "value") \
    FIELD(cont_vm_stack_ptr,                 "struct rb_context_struct", "saved_vm_stack.ptr") \
    FIELD(cont_machine_stack,                "struct rb_context_struct", "machine.stack") \
    FIELD(cont_machine_stack_size,           "struct rb_context_struct", "machine.stack_size") \
    FIELD(fiber_first_proc,                  "struct rb_fiber_struct", "first_proc") \
    FIELD(fiber_prev,                        "struct rb_fiber_struct", "prev") \
    FIELD(fiber_resuming,                    "struct rb_fiber_struct", "resuming_fiber") \
    FIELD(fiber_size,                        "struct rb_fiber_struct", "@size") \
    FIELD(cfp_block_code,                    "rb_control_frame_t", "block_code") \
    /* The object space: pages and slots */ \
    FIELD(objspace_sorted,                   "struct rb_objspace", "heap_pages.sorted") \
    FIELD(objspace_sorted_size,              "struct rb_objspace", "heap_pages.sorted[].meta.size") \
    FIELD(objspace_sorted_data,              "struct rb_objspace", "heap_pages.sorted[].data") \
    FIELD(objspace_allocated,                "struct rb_objspace", "heap_pages.allocated_pages") \
    FIELD(objspace_finalizer,                "struct rb_objspace", "finalizer_table") \
    FIELD(objspace_flags,                    "struct rb_objspace", "flags") \
    FIELD(objspace_count,                    "struct rb_objspace", "profile.count") \
    FIELD(rvalue_size,                       "struct RVALUE", "@size") \
    FIELD(page_slot_size,                    "struct heap_page", "slot_size") \
    FIELD(page_total,                        "struct heap_page", "total_slots") \
    FIELD(page_start,                        "struct heap_page", "start") \
    FIELD(page_flags,                        "struct heap_page", "flags") \
    FIELD(page_mark_bits,                    "struct heap_page", "mark_bits") \
    FIELD(page_size,                         "struct heap_page", "@size") \
    FIELD(objspace_size_pools,               "struct rb_objspace", "size_pools") \
    FIELD(objspace_id_to_obj_tbl,            "struct rb_objspace", "id_to_obj_tbl") \
    FIELD(objspace_obj_to_id_tbl,            "struct rb_objspace", "obj_to_id_tbl") \
    FIELD(page_free_slots,                   "struct heap_page", "free_slots") \
    FIELD(page_freelist,                     "struct heap_page", "freelist") \
    FIELD(page_body_header_page,             "struct heap_page_header", "page") \
    /* Classes and modules */ \
    FIELD(class_ext,                         "struct RClass", "ptr") \
    FIELD(class_ext_embedded,                "struct RClass_and_rb_classext_t", "classext") \
    FIELD(class_super,                       "struct RClass,struct RClass_and_rb_classext_t", "super,classext.super") \
    FIELD(class_size,                        "struct RClass", "@size") \
    FIELD(class_m_tbl,                       "struct RClass", "m_tbl") \
    FIELD(class_object_id,                   "struct RClass", "object_id") \
    FIELD(class_box_exts,                    "struct RClass_boxable", "box_classext_tbl") \
    FIELD(classext_iv_index,                 "struct rb_classext_struct", "iv_index_tbl") \
    FIELD(classext_iv_tbl,                   "struct rb_classext_struct", "iv_tbl") \
    FIELD(classext_iv_ptr,                   "struct rb_classext_struct", "iv_ptr") \
    FIELD(classext_m_tbl,                    "struct rb_classext_struct", "m_tbl") \
    FIELD(classext_const,                    "struct rb_classext_struct", "const_tbl") \
    FIELD(classext_callable,                 "struct rb_classext_struct", "callable_m_tbl") \
    FIELD(classext_cc,                       "struct rb_classext_struct", "cc_tbl") \
    FIELD(classext_cvc,                      "struct rb_classext_struct", "cvc_tbl") \
    FIELD(classext_origin,                   "struct rb_classext_struct", "origin_") \
    FIELD(classext_includer,                 "struct rb_classext_struct", "includer,as.iclass.includer") \
    FIELD(classext_classpath,                "struct rb_classext_struct", "classpath") \
    FIELD(classext_superclasses,             "struct rb_classext_struct", "superclasses") \
    FIELD(classext_depth,                    "struct rb_classext_struct", "superclass_depth") \
    FIELD(classext_attached,                 "struct rb_classext_struct", "as.singleton_class.attached_object,attached_object") \
    FIELD(classext_refined,                  "struct rb_classext_struct", "refined_class") \
    FIELD(classext_allocator,                "struct rb_classext_struct", "allocator,as.class.allocator") \
    FIELD(classext_size,                     "struct rb_classext_struct", "@size") \
    FIELD(const_entry_value,                 "struct rb_const_entry_struct", "value") \
    FIELD(const_entry_file,                  "struct rb_const_entry_struct", "file") \
    FIELD(ccs_len,                           "struct rb_class_cc_entries", "len") \
    FIELD(ccs_cme,                           "struct rb_class_cc_entries", "cme") \
    FIELD(ccs_entries,                       "struct rb_class_cc_entries", "entries") \
    FIELD(iv_index_entry_index,              "struct rb_iv_index_tbl_entry", "index") \
    FIELD(classext_subclasses,               "struct rb_classext_struct", "subclasses") \
    FIELD(classext_max_iv_count,             "struct rb_classext_struct", "max_iv_count") \
    FIELD(classext_box,                      "struct rb_classext_struct", "box") \
    FIELD(classext_fields_obj,               "struct rb_classext_struct", "fields_obj") \
    FIELD(classext_super,                    "struct rb_classext_struct", "super") \
    FIELD(classext_superclasses_with_self_bit, "struct rb_classext_struct", "superclasses_with_self.@bit") \
    FIELD(classext_shared_const_tbl_bit,     "struct rb_classext_struct", "shared_const_tbl.@bit") \
    FIELD(classext_is_origin_bit,            "struct rb_classext_struct", "iclass_is_origin.@bit") \
    FIELD(classext_origin_shared_mtbl_bit,   "struct rb_classext_struct", "iclass_origin_shared_mtbl.@bit") \
    FIELD(cvc_entry_size,                    "struct rb_cvar_class_tbl_entry", "@size") \
    FIELD(cvc_entry_class_value,             "struct rb_cvar_class_tbl_entry", "class_value") \
    FIELD(cvc_entry_cref,                    "struct rb_cvar_class_tbl_entry", "cref") \
    FIELD(ccs_capa,                          "struct rb_class_cc_entries", "capa") \
    FIELD(ccs_entry_size,                    "struct rb_class_cc_entries", "entries[].@size") \
    FIELD(ccs_entry_ci,                      "struct rb_class_cc_entries", "entries[].ci") \
    FIELD(ccs_entry_cc,                      "struct rb_class_cc_entries", "entries[].cc") \
    /* Tables */ \
    FIELD(id_table_capa,                     "struct rb_id_table", "capa") \
    FIELD(id_table_items,                    "struct rb_id_table", "items") \
    FIELD(id_item_size,                      "struct rb_id_item", "@size") \
    FIELD(id_item_key,                       "struct rb_id_item", "key") \
    FIELD(id_item_val,                       "struct rb_id_item", "val") \
    FIELD(st_num_entries,                    "struct st_table", "num_entries") \
    FIELD(st_entries_start,                  "struct st_table", "entries_start") \
    FIELD(st_entries_bound,                  "struct st_table", "entries_bound") \
    FIELD(st_entries,                        "struct st_table", "entries") \
    FIELD(st_entry_size,                     "struct st_table_entry", "@size") \
    FIELD(st_entry_hash,                     "struct st_table_entry", "hash") \
    FIELD(st_entry_key,                      "struct st_table_entry", "key") \
    FIELD(st_entry_record,                   "struct st_table_entry", "record") \
    FIELD(symbols_last_id,                   "rb_symbols_t", "last_id,next_id") \
    FIELD(symbols_str,                       "rb_symbols_t", "str,sym,str_sym,sym_set") \
    FIELD(symbols_ids,                       "rb_symbols_t", "ids") \
    FIELD(symbols_dsymbol_hash,              "rb_symbols_t", "dsymbol_fstr_hash") \
    FIELD(ar_table_pairs,                    "struct ar_table_struct", "pairs") \
    FIELD(gen_ivtbl_table,                   "struct gen_ivtbl", "as.complex.table") \
    FIELD(gen_ivtbl_numiv,                   "struct gen_ivtbl", "numiv,as.shape.numiv") \
    FIELD(gen_ivtbl_ivptr,                   "struct gen_ivtbl", "ivptr,as.shape.ivptr") \
    FIELD(st_entry_power,                    "struct st_table", "entry_power") \
    FIELD(st_bin_power,                      "struct st_table", "bin_power") \
    FIELD(st_bins,                           "struct st_table", "bins") \
    FIELD(st_type,                           "struct st_table", "type") \
    FIELD(st_size,                           "struct st_table", "@size") \
    FIELD(set_num_entries,                   "struct set_table", "num_entries") \
    FIELD(set_entries_start,                 "struct set_table", "entries_start") \
    FIELD(set_entries_bound,                 "struct set_table", "entries_bound") \
    FIELD(set_entries,                       "struct set_table", "entries") \
    FIELD(set_entry_power,                   "struct set_table", "entry_power") \
    FIELD(set_type,                          "struct set_table", "type") \
    FIELD(set_entry_size,                    "struct set_table_entry", "@size") \
    FIELD(set_entry_hash,                    "struct set_table_entry", "hash") \
    FIELD(set_entry_key,                     "struct set_table_entry", "key") \
    FIELD(set_object_table,                  "struct set_object", "table") \
    FIELD(global_entry_var,                  "struct rb_global_entry", "var") \
    FIELD(global_entry_id,                   "struct rb_global_entry", "id") \
    FIELD(global_variable_data,              "struct rb_global_variable", "data") \
    FIELD(global_variable_getter,            "struct rb_global_variable", "getter") \
    FIELD(ar_table_hint,                     "struct ar_table_struct", "ar_hint") \
    FIELD(ar_table_size,                     "struct ar_table_struct", "@size") \
    /* Shapes */ \
    FIELD(shape_size,                        "struct rb_shape", "@size") \
    FIELD(shape_edge_name,                   "struct rb_shape", "edge_name") \
    FIELD(shape_next_iv,                     "struct rb_shape", "next_iv_index,next_field_index") \
    FIELD(shape_capacity,                    "struct rb_shape", "capacity") \
    FIELD(shape_type,                        "struct rb_shape", "type") \
    FIELD(shape_parent,                      "struct rb_shape", "parent_id") \
    FIELD(shape_sizepool,                    "struct rb_shape", "size_pool_index,heap_index") \
    FIELD(shape_list_ptr,                    "rb_shape_tree_t", "shape_list") \
    FIELD(shape_capacities,                  "rb_shape_tree_t", "capacities") \
    /* Objects by builtin type */ \
    FIELD(symbol_fstr,                       "struct RSymbol", "fstr") \
    FIELD(symbol_id,                         "struct RSymbol", "id") \
    FIELD(array_len,                         "struct RArray", "as.heap.len") \
    FIELD(array_shared,                      "struct RArray", "as.heap.aux.shared_root") \
    FIELD(array_ptr,                         "struct RArray", "as.heap.ptr") \
    FIELD(array_ary,                         "struct RArray", "as.ary") \
    FIELD(string_len_common,                 "struct RString", "len") \
    FIELD(string_len,                        "struct RString", "as.heap.len") \
    FIELD(string_ptr,                        "struct RString", "as.heap.ptr") \
    FIELD(string_shared,                     "struct RString", "as.heap.aux.shared") \
    FIELD(string_embed,                      "struct RString", "as.embed.ary,as.ary") \
    FIELD(hash_st,                           "struct RHash", "as.st") \
    FIELD(hash_ar,                           "struct RHash", "as.ar") \
    FIELD(hash_ifnone,                       "struct RHash", "ifnone") \
    FIELD(hash_size,                         "struct RHash", "@size") \
    FIELD(object_iv_index_tbl,               "struct RObject", "as.heap.iv_index_tbl") \
    FIELD(object_numiv,                      "struct RObject", "as.heap.numiv") \
    FIELD(object_ivptr,                      "struct RObject", "as.heap.ivptr,as.heap.fields") \
    FIELD(object_ary,                        "struct RObject", "as.ary") \
    FIELD(struct_len,                        "struct RStruct", "as.heap.len") \
    FIELD(struct_ptr,                        "struct RStruct", "as.heap.ptr") \
    FIELD(struct_ary,                        "struct RStruct", "as.ary") \
    FIELD(struct_fields_obj,                 "struct RStruct", "as.heap.fields_obj") \
    FIELD(data_type,                         "struct RTypedData", "type") \
    FIELD(data_flag,                         "struct RTypedData", "typed_flag") \
    FIELD(data_data,                         "struct RTypedData", "data") \
    FIELD(data_fields_obj,                   "struct RTypedData", "fields_obj") \
    FIELD(data_type_name,                    "rb_data_type_t", "wrap_struct_name") \
    FIELD(data_type_mark,                    "rb_data_type_t", "function.dmark") \
    FIELD(data_type_flags,                   "rb_data_type_t", "flags") \
    FIELD(regexp_src,                        "struct RRegexp", "src") \
    FIELD(match_str,                         "struct RMatch", "str") \
    FIELD(match_regexp,                      "struct RMatch", "regexp") \
    FIELD(rational_num,                      "struct RRational", "num") \
    FIELD(rational_den,                      "struct RRational", "den") \
    FIELD(file_fptr,                         "struct RFile", "fptr") \
    FIELD(io_self,                           "struct rb_io_t,struct rb_io", "self") \
    FIELD(io_pathv,                          "struct rb_io_t,struct rb_io", "pathv") \
    FIELD(io_tied,                           "struct rb_io_t,struct rb_io", "tied_io_for_writing") \
    FIELD(io_writeconv_asciicompat,          "struct rb_io_t,struct rb_io", "writeconv_asciicompat") \
    FIELD(io_writeconv_pre_ecopts,           "struct rb_io_t,struct rb_io", "writeconv_pre_ecopts") \
    FIELD(io_ecopts,                         "struct rb_io_t,struct rb_io", "encs.ecopts") \
    FIELD(io_write_lock,                     "struct rb_io_t,struct rb_io", "write_lock") \
    FIELD(io_timeout,                        "struct rb_io_t,struct rb_io", "timeout") \
    FIELD(io_wakeup_mutex,                   "struct rb_io_t,struct rb_io", "wakeup_mutex") \
    FIELD(io_fd,                             "struct rb_io_t,struct rb_io", "fd") \
    FIELD(symbol_hashval,                    "struct RSymbol", "hashval") \
    FIELD(array_capa,                        "struct RArray", "as.heap.aux.capa") \
    FIELD(string_capa,                       "struct RString", "as.heap.aux.capa") \
    FIELD(string_embed_len,                  "struct RString", "as.embed.len") \
    FIELD(float_value,                       "struct RFloat", "float_value") \
    FIELD(bignum_len,                        "struct RBignum", "as.heap.len") \
    FIELD(bignum_digits,                     "struct RBignum", "as.heap.digits") \
    FIELD(bignum_ary,                        "struct RBignum", "as.ary") \
    FIELD(complex_real,                      "struct RComplex", "real") \
    FIELD(complex_imag,                      "struct RComplex", "imag") \
    FIELD(data_untyped_data,                 "struct RData", "data") \
    FIELD(data_untyped_mark,                 "struct RData", "dmark") \
    FIELD(data_type_size,                    "rb_data_type_t", "function.dsize") \
    FIELD(data_type_parent,                  "rb_data_type_t", "parent") \
    FIELD(data_type_free,                    "rb_data_type_t", "function.dfree") \
    FIELD(regexp_ptr,                        "struct RRegexp", "ptr") \
    FIELD(regexp_options,                    "struct re_pattern_buffer", "options") \
    FIELD(match_size,                        "struct RMatch", "@size") \
    FIELD(rmatch_size,                       "struct rmatch,struct rb_matchext_struct", "@size") \
    FIELD(rmatch_regs_allocated,             "struct rmatch,struct rb_matchext_struct", "regs.allocated") \
    FIELD(rmatch_char_offset_num_allocated,  "struct rmatch,struct rb_matchext_struct", "char_offset_num_allocated") \
    FIELD(match_rmatch,                      "struct RMatch", "rmatch") \
    FIELD(io_mode,                           "struct rb_io_t,struct rb_io", "mode") \
    FIELD(io_lineno,                         "struct rb_io_t,struct rb_io", "lineno") \
    FIELD(io_pid,                            "struct rb_io_t,struct rb_io", "pid") \
    /* Internal memory objects (imemo) */ \
    FIELD(env_iseq,                          "rb_env_t", "iseq") \
    FIELD(env_ep,                            "rb_env_t", "ep") \
    FIELD(env_env,                           "rb_env_t", "env") \
    FIELD(env_size,                          "rb_env_t", "env_size") \
    FIELD(call_data_size,                    "struct rb_call_data", "@size") \
    FIELD(callcache_klass,                   "struct rb_callcache", "klass") \
    FIELD(callcache_cme,                     "struct rb_callcache", "cme_") \
    FIELD(constcache_value,                  "struct iseq_inline_constant_cache_entry", "value") \
    FIELD(ment_defined_class,                "rb_method_entry_t", "defined_class") \
    FIELD(ment_def,                          "rb_method_entry_t", "def") \
    FIELD(ment_called_id,                    "rb_method_entry_t", "called_id") \
    FIELD(ment_owner,                        "rb_method_entry_t", "owner") \
    FIELD(def_body,                          "struct rb_method_definition_struct", "body") \
    FIELD(def_iseqptr,                       "struct rb_method_definition_struct", "body.iseq.iseqptr") \
    FIELD(def_cref,                          "struct rb_method_definition_struct", "body.iseq.cref") \
    FIELD(def_attr_loc,                      "struct rb_method_definition_struct", "body.attr.location") \
    FIELD(def_attr_id,                       "struct rb_method_definition_struct", "body.attr.id") \
    FIELD(def_bmethod_proc,                  "struct rb_method_definition_struct", "body.bmethod.proc") \
    FIELD(def_alias_me,                      "struct rb_method_definition_struct", "body.alias.original_me") \
    FIELD(def_refined_me,                    "struct rb_method_definition_struct", "body.refined.orig_me") \
    FIELD(def_refined_owner,                 "struct rb_method_definition_struct", "body.refined.owner") \
    FIELD(def_original_id,                   "struct rb_method_definition_struct", "original_id") \
    FIELD(cref_klass,                        "struct rb_cref_struct", "klass_or_self,klass") \
    FIELD(cref_next,                         "struct rb_cref_struct", "next") \
    FIELD(cref_refinements,                  "struct rb_cref_struct", "refinements") \
    FIELD(svar_cref_or_me,                   "struct vm_svar", "cref_or_me") \
    FIELD(svar_lastline,                     "struct vm_svar", "lastline") \
    FIELD(svar_backref,                      "struct vm_svar", "backref") \
    FIELD(svar_others,                       "struct vm_svar", "others") \
    FIELD(throw_data_obj,                    "struct vm_throw_data", "throw_obj") \
    FIELD(throw_data_state,                  "struct vm_throw_data", "throw_state") \
    FIELD(ifunc_func,                        "struct vm_ifunc", "func") \
    FIELD(ifunc_data,                        "struct vm_ifunc", "data") \
    FIELD(memo_v1,                           "struct MEMO", "v1") \
    FIELD(memo_v2,                           "struct MEMO", "v2") \
    FIELD(memo_u3,                           "struct MEMO", "u3.value") \
    FIELD(tmpbuf_ptr,                        "struct rb_imemo_tmpbuf_struct", "ptr") \
    FIELD(tmpbuf_next,                       "struct rb_imemo_tmpbuf_struct", "next") \
    FIELD(tmpbuf_cnt,                        "struct rb_imemo_tmpbuf_struct", "cnt") \
    FIELD(callinfo_kwarg,                    "struct rb_callinfo", "kwarg") \
    FIELD(callinfo_mid,                      "struct rb_callinfo", "mid") \
    FIELD(callinfo_flag,                     "struct rb_callinfo", "flag") \
    FIELD(callinfo_argc,                     "struct rb_callinfo", "argc") \
    FIELD(call_data_ci,                      "struct rb_call_data", "ci") \
    FIELD(call_data_cc,                      "struct rb_call_data", "cc") \
    FIELD(callcache_call,                    "struct rb_callcache", "call_") \
    FIELD(constcache_cref,                   "struct iseq_inline_constant_cache_entry", "ic_cref") \
    FIELD(def_cfunc_func,                    "struct rb_method_definition_struct", "body.cfunc.func") \
    FIELD(def_optimized_type,                "struct rb_method_definition_struct", "body.optimized.type") \
    /* Instruction sequences */ \
    FIELD(iseq_wrapper,                      "struct rb_iseq_struct", "wrapper") \
    FIELD(iseq_body,                         "struct rb_iseq_struct", "body") \
    FIELD(iseq_aux,                          "struct rb_iseq_struct", "aux") \
    FIELD(iseq_body_type,                    "struct rb_iseq_constant_body", "type") \
    FIELD(iseq_body_size,                    "struct rb_iseq_constant_body", "iseq_size") \
    FIELD(iseq_body_encoded,                 "struct rb_iseq_constant_body", "iseq_encoded") \
    FIELD(iseq_body_param_flags,             "struct rb_iseq_constant_body", "param.flags") \
    FIELD(iseq_body_param_keyword,           "struct rb_iseq_constant_body", "param.keyword") \
    FIELD(iseq_body_param_block_start,       "struct rb_iseq_constant_body", "param.block_start") \
    FIELD(iseq_body_param_lead,              "struct rb_iseq_constant_body", "param.lead_num") \
    FIELD(iseq_body_path,                    "struct rb_iseq_constant_body", "location.pathobj") \
    FIELD(iseq_body_base_label,              "struct rb_iseq_constant_body", "location.base_label") \
    FIELD(iseq_body_label,                   "struct rb_iseq_constant_body", "location.label") \
    FIELD(iseq_body_first_lineno,            "struct rb_iseq_constant_body", "location.first_lineno") \
    FIELD(iseq_body_first_lineno_size,       "struct rb_iseq_constant_body", "location.first_lineno.@size") \
    FIELD(iseq_body_insn_info,               "struct rb_iseq_constant_body", "insns_info.body") \
    FIELD(iseq_body_insn_positions,          "struct rb_iseq_constant_body", "insns_info.positions") \
    FIELD(iseq_body_insn_info_size,          "struct rb_iseq_constant_body", "insns_info.size") \
    FIELD(iseq_body_succ_index,              "struct rb_iseq_constant_body", "insns_info.succ_index_table") \
    FIELD(insn_info_size,                    "struct iseq_insn_info_entry", "@size") \
    FIELD(insn_info_line,                    "struct iseq_insn_info_entry", "line_no") \
    FIELD(iseq_body_local_table,             "struct rb_iseq_constant_body", "local_table") \
    FIELD(iseq_body_local_table_size,        "struct rb_iseq_constant_body", "local_table_size") \
    FIELD(iseq_body_catch,                   "struct rb_iseq_constant_body", "catch_table") \
    FIELD(iseq_body_parent,                  "struct rb_iseq_constant_body", "parent_iseq") \
    FIELD(iseq_body_local_iseq,              "struct rb_iseq_constant_body", "local_iseq") \
    FIELD(iseq_body_mandatory,               "struct rb_iseq_constant_body", "mandatory_only_iseq") \
    FIELD(iseq_body_call_data,               "struct rb_iseq_constant_body", "call_data") \
    FIELD(iseq_body_ci_size,                 "struct rb_iseq_constant_body", "ci_size") \
    FIELD(iseq_body_is_entries,              "struct rb_iseq_constant_body", "is_entries") \
    FIELD(iseq_body_is_size,                 "struct rb_iseq_constant_body", "is_size") \
    FIELD(iseq_body_ic_size,                 "struct rb_iseq_constant_body", "ic_size") \
    FIELD(iseq_body_ivc_size,                "struct rb_iseq_constant_body", "ivc_size") \
    FIELD(iseq_body_icvarc_size,             "struct rb_iseq_constant_body", "icvarc_size") \
    FIELD(iseq_body_ise_size,                "struct rb_iseq_constant_body", "ise_size") \
    FIELD(iseq_body_coverage,                "struct rb_iseq_constant_body", "variable.coverage") \
    FIELD(iseq_body_pc2branchindex,          "struct rb_iseq_constant_body", "variable.pc2branchindex") \
    FIELD(iseq_body_script_lines,            "struct rb_iseq_constant_body", "variable.script_lines") \
    FIELD(iseq_storage_size,                 "union iseq_inline_storage_entry", "@size") \
    FIELD(keyword_num,                       "struct rb_iseq_param_keyword", "num") \
    FIELD(keyword_required,                  "struct rb_iseq_param_keyword", "required_num") \
    FIELD(keyword_defaults,                  "struct rb_iseq_param_keyword", "default_values") \
    FIELD(catch_table_size,                  "struct iseq_catch_table", "size") \
    FIELD(catch_table_entries,               "struct iseq_catch_table", "entries") \
    FIELD(catch_entry_size,                  "struct iseq_catch_table_entry", "@size") \
    FIELD(catch_entry_iseq,                  "struct iseq_catch_table_entry", "iseq") \
    FIELD(iseq_body_location,                "struct rb_iseq_constant_body", "location") \
    FIELD(iseq_body_original_iseq,           "struct rb_iseq_constant_body", "variable.original_iseq") \
    FIELD(iseq_body_stack_max,               "struct rb_iseq_constant_body", "stack_max") \
    FIELD(iseq_body_outer_variables,         "struct rb_iseq_constant_body", "outer_variables") \
    FIELD(iseq_aux_compile_data,             "struct rb_iseq_struct", "aux.compile_data") \
    FIELD(iseq_aux_loader_obj,               "struct rb_iseq_struct", "aux.loader.obj") \
    FIELD(keyword_table,                     "struct rb_iseq_param_keyword", "table") \
    FIELD(iseq_storage_once_value,           "union iseq_inline_storage_entry", "once.value") \
    FIELD(iseq_storage_ic_entry,             "union iseq_inline_storage_entry", "ic_cache.entry") \
    FIELD(iseq_storage_icvarc_entry,         "struct iseq_inline_cvar_cache_entry", "entry") \
    FIELD(iseq_storage_iv_entry,             "struct iseq_inline_iv_cache_entry", "entry") \
    /* Procs, bindings, methods, enumerators and other well-known T_DATA */ \
    FIELD(block_type,                        "struct rb_block", "type") \
    FIELD(block_self,                        "struct rb_block", "as.captured.self") \
    FIELD(block_ep,                          "struct rb_block", "as.captured.ep") \
    FIELD(block_code,                        "struct rb_block", "as.captured.code") \
    FIELD(proc_block,                        "rb_proc_t", "block") \
    FIELD(binding_block,                     "rb_binding_t", "block") \
    FIELD(binding_path,                      "rb_binding_t", "pathobj") \
    FIELD(method_size,                       "struct METHOD", "@size") \
    FIELD(binding_first_lineno,              "rb_binding_t", "first_lineno") \
    FIELD(proc_size,                         "rb_proc_t", "@size") \
    FIELD(block_proc,                        "struct rb_block", "as.proc") \
    FIELD(block_symbol,                      "struct rb_block", "as.symbol") \
    FIELD(method_recv,                       "struct METHOD", "recv") \
    FIELD(method_klass,                      "struct METHOD", "klass") \
    FIELD(method_iclass,                     "struct METHOD", "iclass") \
    FIELD(method_owner,                      "struct METHOD", "owner") \
    FIELD(method_me,                         "struct METHOD", "me") \
    FIELD(enumerator_obj,                    "struct enumerator", "obj") \
    FIELD(enumerator_meth,                   "struct enumerator", "meth") \
    FIELD(enumerator_args,                   "struct enumerator", "args") \
    FIELD(enumerator_fib,                    "struct enumerator", "fib") \
    FIELD(enumerator_dst,                    "struct enumerator", "dst") \
    FIELD(enumerator_lookahead,              "struct enumerator", "lookahead") \
    FIELD(enumerator_feedvalue,              "struct enumerator", "feedvalue") \
    FIELD(enumerator_stop_exc,               "struct enumerator", "stop_exc") \
    FIELD(enumerator_size,                   "struct enumerator", "size") \
    FIELD(enumerator_procs,                  "struct enumerator", "procs") \
    FIELD(generator_proc,                    "struct generator", "proc") \
    FIELD(generator_obj,                     "struct generator", "obj") \
    FIELD(yielder_proc,                      "struct yielder", "proc") \
    FIELD(producer_init,                     "struct producer", "init") \
    FIELD(producer_proc,                     "struct producer", "proc") \
    FIELD(proc_entry_proc,                   "struct proc_entry", "proc") \
    FIELD(proc_entry_memo,                   "struct proc_entry", "memo") \
    FIELD(enum_chain_enums,                  "struct enum_chain", "enums") \
    FIELD(enum_product_enums,                "struct enum_product", "enums") \
    FIELD(mutex_fiber,                       "struct rb_mutex_struct", "fiber") \
    FIELD(mutex_thread,                      "struct rb_mutex_struct", "th") \
    FIELD(mutex_ec_serial,                   "struct rb_mutex_struct", "ec_serial") \
    FIELD(queue_que,                         "struct rb_queue", "que") \
    /* end */

#define HD_LAYOUT_CONSTS(CONST) \
    CONST(VM_METHOD_TYPE_ISEQ) \
    CONST(VM_METHOD_TYPE_CFUNC) \
    CONST(VM_METHOD_TYPE_ATTRSET) \
    CONST(VM_METHOD_TYPE_IVAR) \
    CONST(VM_METHOD_TYPE_BMETHOD) \
    CONST(VM_METHOD_TYPE_ZSUPER) \
    CONST(VM_METHOD_TYPE_ALIAS) \
    CONST(VM_METHOD_TYPE_UNDEF) \
    CONST(VM_METHOD_TYPE_NOTIMPLEMENTED) \
    CONST(VM_METHOD_TYPE_OPTIMIZED) \
    CONST(VM_METHOD_TYPE_MISSING) \
    CONST(VM_METHOD_TYPE_REFINED) \
    CONST(imemo_env) \
    CONST(imemo_cref) \
    CONST(imemo_svar) \
    CONST(imemo_throw_data) \
    CONST(imemo_ifunc) \
    CONST(imemo_memo) \
    CONST(imemo_ment) \
    CONST(imemo_iseq) \
    CONST(imemo_tmpbuf) \
    CONST(imemo_ast) \
    CONST(imemo_parser_strterm) \
    CONST(imemo_callinfo) \
    CONST(imemo_callcache) \
    CONST(imemo_constcache) \
    CONST(imemo_fields) \
    CONST(imemo_cvar_entry) \
    CONST(IMEMO_MASK) \
    CONST(block_type_iseq) \
    CONST(block_type_ifunc) \
    CONST(block_type_symbol) \
    CONST(block_type_proc) \
    CONST(ISEQ_TYPE_TOP) \
    CONST(ISEQ_TYPE_METHOD) \
    CONST(ISEQ_TYPE_BLOCK) \
    CONST(ISEQ_TYPE_CLASS) \
    CONST(ISEQ_TYPE_RESCUE) \
    CONST(ISEQ_TYPE_ENSURE) \
    CONST(ISEQ_TYPE_EVAL) \
    CONST(ISEQ_TYPE_MAIN) \
    CONST(ISEQ_TYPE_PLAIN) \
    CONST(ISEQ_NOT_LOADED_YET) \
    CONST(ISEQ_USE_COMPILE_DATA) \
    CONST(ISEQ_MARKABLE_ISEQ) \
    CONST(HEAP_PAGE_ALIGN_LOG) \
    CONST(HEAP_PAGE_SIZE) \
    CONST(BASE_SLOT_SIZE) \
    CONST(SIZE_POOL_COUNT) \
    CONST(RVALUE_OVERHEAD) \
    CONST(tLAST_OP_ID) \
    CONST(ID_SCOPE_SHIFT) \
    CONST(ID_ENTRY_UNIT) \
    CONST(Qfalse) \
    CONST(Qnil) \
    CONST(Qtrue) \
    CONST(Qundef) \
    CONST(RUBY_FIXNUM_FLAG) \
    CONST(RUBY_FLONUM_MASK) \
    CONST(RUBY_FLONUM_FLAG) \
    CONST(RUBY_SYMBOL_FLAG) \
    CONST(RUBY_SPECIAL_SHIFT) \
    CONST(USE_FLONUM) \
    CONST(FL_USHIFT) \
    CONST(FL_EXIVAR) \
    CONST(FL_FREEZE) \
    CONST(FL_SINGLETON) \
    CONST(FL_PROMOTED0) \
    CONST(FL_PROMOTED1) \
    CONST(FL_PROMOTED) \
    CONST(FL_FINALIZE) \
    CONST(FL_SEEN_OBJ_ID) \
    CONST(FL_TAINT) \
    CONST(ELTS_SHARED) \
    CONST(RSTRING_NOEMBED) \
    CONST(RSTRING_FSTR) \
    CONST(STR_TMPLOCK) \
    CONST(STR_NOFREE) \
    CONST(STR_FAKESTR) \
    CONST(STR_SHARED) \
    CONST(STR_SHARED_ROOT) \
    CONST(STR_BORROWED) \
    CONST(RSTRING_EMBED_LEN_MASK) \
    CONST(RSTRING_EMBED_LEN_SHIFT) \
    CONST(ENCODING_SHIFT) \
    CONST(ENCODING_MASK) \
    CONST(ENCODING_INLINE_MAX) \
    CONST(ENC_CODERANGE_MASK) \
    CONST(ENC_CODERANGE_7BIT) \
    CONST(ENC_CODERANGE_VALID) \
    CONST(ENC_CODERANGE_BROKEN) \
    CONST(RARRAY_EMBED_FLAG) \
    CONST(RARRAY_EMBED_LEN_MASK) \
    CONST(RARRAY_EMBED_LEN_SHIFT) \
    CONST(RARRAY_SHARED_ROOT_FLAG) \
    CONST(RARRAY_TRANSIENT_FLAG) \
    CONST(RARRAY_PTR_IN_USE_FLAG) \
    CONST(RHASH_PASS_AS_KEYWORDS) \
    CONST(RHASH_PROC_DEFAULT) \
    CONST(RHASH_ST_TABLE_FLAG) \
    CONST(RHASH_AR_TABLE_SIZE_MASK) \
    CONST(RHASH_AR_TABLE_SIZE_SHIFT) \
    CONST(RHASH_AR_TABLE_BOUND_MASK) \
    CONST(RHASH_AR_TABLE_BOUND_SHIFT) \
    CONST(RHASH_AR_TABLE_MAX_SIZE) \
    CONST(RHASH_TRANSIENT_FLAG) \
    CONST(RHASH_LEV_SHIFT) \
    CONST(RHASH_LEV_MAX) \
    CONST(RSTRUCT_EMBED_LEN_MASK) \
    CONST(RSTRUCT_EMBED_LEN_SHIFT) \
    CONST(RSTRUCT_GEN_FIELDS) \
    CONST(ROBJECT_EMBED) \
    CONST(ROBJECT_EMBED_LEN_MAX) \
    CONST(ROBJECT_HEAP) \
    CONST(SIZEOF_BDIGIT) \
    CONST(BIGNUM_SIGN_BIT) \
    CONST(BIGNUM_EMBED_FLAG) \
    CONST(BIGNUM_EMBED_LEN_MASK) \
    CONST(BIGNUM_EMBED_LEN_SHIFT) \
    CONST(RICLASS_IS_ORIGIN) \
    CONST(RICLASS_ORIGIN_SHARED_MTBL) \
    CONST(RMODULE_IS_REFINEMENT) \
    CONST(RCLASS_BOXABLE) \
    CONST(SHAPE_FLAG_SHIFT) \
    CONST(SHAPE_ROOT) \
    CONST(SHAPE_IVAR) \
    CONST(SHAPE_FROZEN) \
    CONST(SHAPE_T_OBJECT) \
    CONST(SHAPE_OBJ_TOO_COMPLEX) \
    CONST(SHAPE_OBJ_ID) \
    CONST(SHAPE_ID_OFFSET_MASK) \
    CONST(SHAPE_ID_HEAP_INDEX_MASK) \
    CONST(SHAPE_ID_HEAP_INDEX_OFFSET) \
    CONST(SHAPE_ID_FL_HAS_OBJECT_ID) \
    CONST(SHAPE_ID_FL_TOO_COMPLEX) \
    CONST(OBJ_TOO_COMPLEX_SHAPE_ID) \
    CONST(TYPED_DATA_EMBEDDED) \
    CONST(TYPED_DATA_PTR_MASK) \
    CONST(RUBY_TYPED_FL_IS_TYPED_DATA) \
    CONST(RUBY_TYPED_DECL_MARKING) \
    CONST(RUBY_TYPED_EMBEDDABLE) \
    CONST(VM_FRAME_MAGIC_MASK) \
    CONST(VM_FRAME_MAGIC_METHOD) \
    CONST(VM_FRAME_MAGIC_BLOCK) \
    CONST(VM_FRAME_MAGIC_CLASS) \
    CONST(VM_FRAME_MAGIC_TOP) \
    CONST(VM_FRAME_MAGIC_CFUNC) \
    CONST(VM_FRAME_MAGIC_IFUNC) \
    CONST(VM_FRAME_MAGIC_EVAL) \
    CONST(VM_FRAME_MAGIC_RESCUE) \
    CONST(VM_FRAME_MAGIC_DUMMY) \
    CONST(VM_FRAME_FLAG_BMETHOD) \
    CONST(VM_FRAME_FLAG_MODIFIED_BLOCK_PARAM) \
    CONST(VM_FRAME_FLAG_LAMBDA) \
    CONST(VM_FRAME_FLAG_CFRAME) \
    CONST(VM_ENV_FLAG_LOCAL) \
    CONST(VM_ENV_FLAG_ESCAPED) \
    CONST(VM_ENV_DATA_SIZE) \
    CONST(THREAD_RUNNABLE) \
    CONST(THREAD_STOPPED) \
    CONST(THREAD_STOPPED_FOREVER) \
    CONST(THREAD_KILLED) \
    CONST(FIBER_CREATED) \
    CONST(FIBER_RESUMED) \
    CONST(FIBER_SUSPENDED) \
    CONST(FIBER_TERMINATED) \
    CONST(CONTINUATION_CONTEXT) \
    CONST(FIBER_CONTEXT) \
    CONST(FMODE_READABLE) \
    CONST(FMODE_WRITABLE) \
    CONST(FMODE_BINMODE) \
    CONST(FMODE_APPEND) \
    CONST(FMODE_SYNC) \
    CONST(FMODE_TTY) \
    CONST(RESERVED_HASH_VAL) \
    CONST(OPTIMIZED_METHOD_TYPE_SEND) \
    CONST(OPTIMIZED_METHOD_TYPE_CALL) \
    CONST(OPTIMIZED_METHOD_TYPE_BLOCK_CALL) \
    CONST(OPTIMIZED_METHOD_TYPE_STRUCT_AREF) \
    CONST(OPTIMIZED_METHOD_TYPE_STRUCT_ASET) \
    /* end */
/* clang-format on */

#endif
