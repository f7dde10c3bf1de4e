/*
 * The decoders: each writes the fields of one kind of object into its line.
 *
 * hd_object_write is the way in; the rest is shared among the decoders. All read through struct hd_vm and
 * write through struct hd_line; none keeps state of its own.
 */
#ifndef HD_RUBY_DECODE_H
#define HD_RUBY_DECODE_H

#include "dump/line.h"

/* The whole line of the live object at addr (of `page`). */
void hd_object_write(struct hd_line *line, const struct hd_page *page, const uint8_t *object, uint64_t addr);
const char *hd_object_type_name(unsigned type);

/* Fields after the common ones, by file. */
void hd_string_write(struct hd_line *line, const uint8_t *object, uint64_t addr); /* string.c */
void hd_symbol_write(struct hd_line *line, const uint8_t *object, uint64_t addr);
void hd_regexp_write(struct hd_line *line, const uint8_t *object, uint64_t addr);
void hd_float_write(struct hd_line *line, const uint8_t *object, uint64_t addr); /* number.c */
void hd_bignum_write(struct hd_line *line, const uint8_t *object, uint64_t addr);
void hd_rational_write(struct hd_line *line, const uint8_t *object, uint64_t addr);
void hd_complex_write(struct hd_line *line, const uint8_t *object, uint64_t addr);
void hd_class_write(struct hd_line *line, const uint8_t *object, uint64_t addr); /* class_object.c */
void hd_imemo_write(struct hd_line *line, const uint8_t *object, uint64_t addr); /* imemo.c */
void hd_data_write(struct hd_line *line, const uint8_t *object, uint64_t addr);  /* data.c */
/* Is the T_DATA a Thread, of whatever class? (data.c) */
bool hd_data_is_thread(const struct hd_vm *vm, const uint8_t *object, uint64_t addr);
void hd_iseq_write(struct hd_line *line, const uint8_t *object, uint64_t addr);  /* iseq.c */

/* `,"name":{…}` of instance variables; nothing if there are none. */
void hd_ivars_write(struct hd_line *line, const char *name, const uint8_t *object, uint64_t addr);

/* `,"frames":[…]` of an execution context (thread.c), newest first. */
void hd_frames_write(struct hd_line *line, uint64_t ec);
/* `,"locals":{…}` of an environment: names from the iseq, values at `values`, environment pointer `ep`. */
void hd_locals_write(struct hd_line *line, uint64_t iseq, uint64_t values, uint64_t ep);

/* `,"iseq":{"id":…,"name":…,"filename":…,"line":…,"type":…}` */
void hd_iseq_summary_write(struct hd_line *line, uint64_t iseq);
/* The address of struct rb_iseq_constant_body of a live iseq, 0 if it is none (or not loaded yet). */
uint64_t hd_iseq_body(struct hd_line *line, uint64_t iseq);
/* The contents of iseq->location: label and path; data NULL where unknown. */
struct hd_text hd_iseq_label(struct hd_line *line, uint64_t body);
struct hd_text hd_iseq_path(struct hd_line *line, uint64_t body);
uint64_t hd_iseq_first_line(struct hd_line *line, uint64_t body);
/* The line of the instruction that ends before pc; 0 if unknown. */
uint64_t hd_iseq_line(struct hd_line *line, uint64_t body, uint64_t pc);

/* "Orders#index", "Process.kill" for a method entry; false if it cannot be named. */
bool hd_method_name_write(struct hd_line *line, uint64_t ment);
/* The method definition's kind: an iseq or proc (an id), or a word like "CFUNC". */
struct hd_method {
    uint64_t target; /* iseq or proc, 0 if none */
    const char *kind;
};
struct hd_method hd_method_of(struct hd_line *line, uint64_t ment);

/* The text of a T_STRING at addr; data NULL if it is none. */
struct hd_text hd_line_text_at(struct hd_line *line, uint64_t addr);

#endif
