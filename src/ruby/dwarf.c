/*
 * Debug information by name, through libdw.
 *
 * Owns one Dwfl per file (it applies the relocations an unlinked object needs, and finds a separate debug file
 * by build-id or .gnu_debuglink) and a sorted index of every complete type, typedef and constant at file scope.
 * Must not print and must not know the layout. Invariant: the index is sorted by name, then by file order.
 */
#include "ruby/dwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum entry_kind { ENTRY_STRUCT, ENTRY_UNION, ENTRY_TYPEDEF, ENTRY_CONSTANT };

struct entry {
    const char *name; /* in the mapped debug information */
    enum entry_kind kind;
    size_t file;
    size_t order; /* of appearance: keeps equal names stable under qsort */
    Dwarf_Die die;
};

struct file {
    const char *path;
    Dwfl *dwfl;
};

struct hd_dwarf {
    struct file *files;
    size_t file_count;
    struct entry *entries;
    size_t entry_count;
    size_t entry_capacity;
};

/* ---- opening ---- */

static char *debuginfo_path = NULL;

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
    .debuginfo_path = &debuginfo_path,
};

static bool entry_add(struct hd_dwarf *dwarf, size_t file, enum entry_kind kind, Dwarf_Die *die)
{
    const char *name = dwarf_diename(die);

    if (!name)
        return true;
    if (dwarf->entry_count == dwarf->entry_capacity) {
        size_t capacity = dwarf->entry_capacity ? dwarf->entry_capacity * 2 : 4096;
        struct entry *grown = reallocarray(dwarf->entries, capacity, sizeof *grown);

        if (!grown)
            return false;
        dwarf->entries = grown;
        dwarf->entry_capacity = capacity;
    }
    dwarf->entries[dwarf->entry_count] =
        (struct entry){.name = name, .kind = kind, .file = file, .order = dwarf->entry_count, .die = *die};
    dwarf->entry_count++;
    return true;
}

static bool enumerators_add(struct hd_dwarf *dwarf, size_t file, Dwarf_Die *type)
{
    Dwarf_Die die;

    if (dwarf_child(type, &die) != 0)
        return true;
    do {
        if (dwarf_tag(&die) == DW_TAG_enumerator && !entry_add(dwarf, file, ENTRY_CONSTANT, &die))
            return false;
    } while (dwarf_siblingof(&die, &die) == 0);
    return true;
}

static bool unit_add(struct hd_dwarf *dwarf, size_t file, Dwarf_Die *unit)
{
    Dwarf_Die die;

    if (dwarf_child(unit, &die) != 0)
        return true;
    do {
        bool added = true;
        bool complete = !dwarf_hasattr(&die, DW_AT_declaration);

        switch (dwarf_tag(&die)) {
        case DW_TAG_structure_type:
            added = !complete || entry_add(dwarf, file, ENTRY_STRUCT, &die);
            break;
        case DW_TAG_union_type:
            added = !complete || entry_add(dwarf, file, ENTRY_UNION, &die);
            break;
        case DW_TAG_typedef:
            added = entry_add(dwarf, file, ENTRY_TYPEDEF, &die);
            break;
        case DW_TAG_enumeration_type:
            added = enumerators_add(dwarf, file, &die);
            break;
        case DW_TAG_variable:
            added = !dwarf_hasattr(&die, DW_AT_const_value) || entry_add(dwarf, file, ENTRY_CONSTANT, &die);
            break;
        default:
            break;
        }
        if (!added)
            return false;
    } while (dwarf_siblingof(&die, &die) == 0);
    return true;
}

static bool file_open(struct hd_dwarf *dwarf, size_t index, const char *path, struct hd_error *err)
{
    struct file *file = &dwarf->files[index];
    Dwarf_Die *unit = NULL;
    Dwarf_Addr bias;
    bool any = false;

    file->path = path;
    file->dwfl = dwfl_begin(&callbacks);
    if (!file->dwfl)
        return hd_error_set(err, HD_ERROR_MEMORY, "libdw: %s", dwfl_errmsg(-1));
    dwfl_report_begin(file->dwfl);
    errno = 0;
    if (!dwfl_report_offline(file->dwfl, path, path, -1))
        return hd_error_set(err, HD_ERROR_IO, "cannot read %s: %s", path, dwfl_errmsg(-1));
    dwfl_report_end(file->dwfl, NULL, NULL);
    while ((unit = dwfl_nextcu(file->dwfl, unit, &bias))) {
        any = true;
        if (!unit_add(dwarf, index, unit))
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory while reading %s", path);
    }
    if (!any)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "%s has no debug information; compile it with -g", path);
    return true;
}

static int entry_compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int names = strcmp(a->name, b->name);

    if (names)
        return names;
    return a->order < b->order ? -1 : a->order > b->order;
}

bool hd_dwarf_open(struct hd_dwarf **out, const char *const *paths, size_t count, struct hd_error *err)
{
    struct hd_dwarf *dwarf = calloc(1, sizeof *dwarf);

    if (dwarf)
        dwarf->files = calloc(count ? count : 1, sizeof *dwarf->files);
    if (!dwarf || !dwarf->files) {
        hd_dwarf_close(dwarf);
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    }
    dwarf->file_count = count;
    for (size_t i = 0; i < count; i++)
        if (!file_open(dwarf, i, paths[i], err)) {
            hd_dwarf_close(dwarf);
            return false;
        }
    if (dwarf->entry_count)
        qsort(dwarf->entries, dwarf->entry_count, sizeof *dwarf->entries, entry_compare);
    *out = dwarf;
    return true;
}

void hd_dwarf_close(struct hd_dwarf *dwarf)
{
    if (!dwarf)
        return;
    for (size_t i = 0; dwarf->files && i < dwarf->file_count; i++)
        dwfl_end(dwarf->files[i].dwfl);
    free(dwarf->files);
    free(dwarf->entries);
    free(dwarf);
}

/* ---- members ---- */

struct text {
    const char *start;
    size_t length;
};

/* Cuts the text before the next `separator` off *rest; false when nothing is left. */
static bool text_next(const char **rest, char separator, struct text *out)
{
    const char *start = *rest, *end;

    if (!start || !*start)
        return false;
    end = strchr(start, separator);
    *out = (struct text){start, end ? (size_t)(end - start) : strlen(start)};
    *rest = end ? end + 1 : start + out->length;
    return true;
}

static int text_compare(const char *name, struct text text)
{
    int order = strncmp(name, text.start, text.length);

    return order ? order : (unsigned char)name[text.length];
}

/* The first entry of that name, whatever its kind. */
static size_t entry_find(const struct hd_dwarf *dwarf, struct text name)
{
    size_t low = 0, high = dwarf->entry_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (text_compare(dwarf->entries[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The next entry of that kind and name in a file not before `file`, from position *at on. */
static struct entry *entry_next(const struct hd_dwarf *dwarf, size_t *at, enum entry_kind kind, struct text name,
                                size_t file)
{
    for (; *at < dwarf->entry_count && text_compare(dwarf->entries[*at].name, name) == 0; (*at)++)
        if (dwarf->entries[*at].kind == kind && dwarf->entries[*at].file >= file)
            return &dwarf->entries[(*at)++];
    return NULL;
}

static struct text type_name(struct text type, enum entry_kind *kind)
{
    static const struct {
        const char *prefix;
        enum entry_kind kind;
    } prefixes[] = {{"struct ", ENTRY_STRUCT}, {"union ", ENTRY_UNION}};

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t length = strlen(prefixes[i].prefix);

        if (type.length > length && strncmp(type.start, prefixes[i].prefix, length) == 0) {
            *kind = prefixes[i].kind;
            return (struct text){type.start + length, type.length - length};
        }
    }
    *kind = ENTRY_TYPEDEF;
    return type;
}

static bool die_type(Dwarf_Die *die, Dwarf_Die *out)
{
    Dwarf_Attribute attribute;
    Dwarf_Die type;

    return dwarf_attr_integrate(die, DW_AT_type, &attribute) && dwarf_formref_die(&attribute, &type) &&
           dwarf_peel_type(&type, out) == 0;
}

/* A struct that one file only declares is defined in another. */
static bool die_complete(const struct hd_dwarf *dwarf, Dwarf_Die *die)
{
    int tag = dwarf_tag(die);
    const char *name = dwarf_diename(die);
    struct entry *entry;
    size_t at;

    if ((tag != DW_TAG_structure_type && tag != DW_TAG_union_type) || !dwarf_hasattr(die, DW_AT_declaration))
        return true;
    if (!name)
        return false;
    at = entry_find(dwarf, (struct text){name, strlen(name)});
    entry = entry_next(dwarf, &at, tag == DW_TAG_structure_type ? ENTRY_STRUCT : ENTRY_UNION,
                       (struct text){name, strlen(name)}, 0);
    if (!entry)
        return false;
    *die = entry->die;
    return true;
}

static int64_t member_offset(Dwarf_Die *member)
{
    Dwarf_Attribute attribute;
    Dwarf_Word offset;

    /* Members of a union have no location: they all start where it starts. */
    if (!dwarf_attr_integrate(member, DW_AT_data_member_location, &attribute) ||
        dwarf_formudata(&attribute, &offset) != 0)
        return 0;
    return (int64_t)offset;
}

/* Looks in the struct and, through them, in its anonymous members. */
static bool member_find(Dwarf_Die *type, struct text name, Dwarf_Die *out, int64_t *offset)
{
    Dwarf_Die member;

    if ((dwarf_tag(type) != DW_TAG_structure_type && dwarf_tag(type) != DW_TAG_union_type) ||
        dwarf_child(type, &member) != 0)
        return false;
    do {
        const char *member_name;
        Dwarf_Die inner;

        if (dwarf_tag(&member) != DW_TAG_member)
            continue;
        member_name = dwarf_diename(&member);
        if (member_name && text_compare(member_name, name) == 0) {
            *offset += member_offset(&member);
            *out = member;
            return true;
        }
        if (!member_name && die_type(&member, &inner)) {
            int64_t inner_offset = *offset + member_offset(&member);

            if (member_find(&inner, name, out, &inner_offset)) {
                *offset = inner_offset;
                return true;
            }
        }
    } while (dwarf_siblingof(&member, &member) == 0);
    return false;
}

/* "@bit" is where a bit-field starts, "@bits" how wide it is. */
static bool bitfield_ask(Dwarf_Die *member, const char *question, int64_t *value)
{
    bool where = strcmp(question, "@bit") == 0;
    Dwarf_Attribute attribute;
    Dwarf_Word word;

    if (!where && strcmp(question, "@bits") != 0)
        return false;
    if (!dwarf_attr_integrate(member, where ? DW_AT_data_bit_offset : DW_AT_bit_size, &attribute) ||
        dwarf_formudata(&attribute, &word) != 0)
        return false;
    *value = (where ? *value * 8 : 0) + (int64_t)word;
    return true;
}

enum path_result { PATH_ABSENT, PATH_BITFIELD, PATH_FOUND };

static enum path_result path_walk(const struct hd_dwarf *dwarf, Dwarf_Die type, struct text path, int64_t *value)
{
    char copy[128];
    const char *rest = copy;
    struct text step;
    Dwarf_Word size;

    if (path.length >= sizeof copy)
        return PATH_ABSENT;
    memcpy(copy, path.start, path.length);
    copy[path.length] = '\0';
    *value = 0;
    while (text_next(&rest, '.', &step)) {
        bool follow = step.length > 2 && strncmp(step.start + step.length - 2, "[]", 2) == 0;
        Dwarf_Die member;

        if (text_compare("@size", step) == 0) {
            *value = dwarf_aggregate_size(&type, &size) == 0 ? (int64_t)size : 0;
            return *value ? PATH_FOUND : PATH_ABSENT;
        }
        step.length -= follow ? 2 : 0;
        if (!member_find(&type, step, &member, value))
            return PATH_ABSENT;
        if (dwarf_hasattr_integrate(&member, DW_AT_bit_size))
            return bitfield_ask(&member, rest, value) ? PATH_FOUND : PATH_BITFIELD;
        if (!die_type(&member, &type))
            return *rest || follow ? PATH_ABSENT : PATH_FOUND;
        if (follow) {
            int tag = dwarf_tag(&type);

            if ((tag != DW_TAG_pointer_type && tag != DW_TAG_array_type) || !die_type(&type, &type))
                return PATH_ABSENT;
            *value = 0;
        }
        if (*rest && !die_complete(dwarf, &type))
            return PATH_ABSENT;
    }
    return PATH_FOUND;
}

/* What one definition of a type says about the alternatives of a member. */
static enum path_result type_walk(const struct hd_dwarf *dwarf, struct entry *entry, const char *members,
                                  int64_t *value)
{
    enum path_result best = PATH_ABSENT;
    Dwarf_Die type;
    struct text member;

    if (dwarf_peel_type(&entry->die, &type) != 0 || !die_complete(dwarf, &type))
        return PATH_ABSENT;
    while (text_next(&members, ',', &member)) {
        enum path_result result = path_walk(dwarf, type, member, value);

        if (result == PATH_FOUND)
            return result;
        if (result > best)
            best = result;
    }
    return best;
}

static void answer_compare(struct hd_dwarf_answer *answer, const char *file, bool found, int64_t value)
{
    if (answer->other_file || (found == answer->found && (!found || value == answer->value)))
        return;
    answer->other_file = file;
    answer->other_found = found;
    answer->other_value = found ? value : 0;
}

static bool type_ask(const struct hd_dwarf *dwarf, struct text type, const char *members,
                     struct hd_dwarf_answer *answer)
{
    enum entry_kind kind;
    struct text name = type_name(type, &kind);
    size_t at = entry_find(dwarf, name);
    struct entry *entry = entry_next(dwarf, &at, kind, name, 0);

    /* A typedef of a struct that its file only declares says nothing. */
    while (entry && kind == ENTRY_TYPEDEF) {
        Dwarf_Die die;

        if (dwarf_peel_type(&entry->die, &die) == 0 && !dwarf_hasattr(&die, DW_AT_declaration))
            break;
        entry = entry_next(dwarf, &at, kind, name, 0);
    }
    if (!entry)
        return false;
    *answer = (struct hd_dwarf_answer){.file = dwarf->files[entry->file].path};
    switch (type_walk(dwarf, entry, members, &answer->value)) {
    case PATH_FOUND:
        answer->found = true;
        break;
    case PATH_BITFIELD:
        answer->is_bitfield = true;
        break;
    case PATH_ABSENT:
        break;
    }
    while ((entry = entry_next(dwarf, &at, kind, name, entry->file))) {
        int64_t value = 0;
        Dwarf_Die die;

        if (dwarf_peel_type(&entry->die, &die) == 0 && !dwarf_hasattr(&die, DW_AT_declaration)) {
            bool found = type_walk(dwarf, entry, members, &value) == PATH_FOUND;

            answer_compare(answer, dwarf->files[entry->file].path, found, value);
        }
    }
    return true;
}

struct hd_dwarf_answer hd_dwarf_member(struct hd_dwarf *dwarf, const char *types, const char *members)
{
    struct hd_dwarf_answer answer = {0};
    struct text type;

    while (text_next(&types, ',', &type)) {
        struct hd_dwarf_answer one = {0};

        if (!type_ask(dwarf, type, members, &one))
            continue;
        if (one.found)
            return one;
        if (!answer.file)
            answer = one;
    }
    return answer;
}

/* ---- constants ---- */

static bool constant_value(Dwarf_Die *die, int64_t *value)
{
    Dwarf_Attribute attribute;
    Dwarf_Word word;
    Dwarf_Sword sword;
    unsigned form;

    if (!dwarf_attr(die, DW_AT_const_value, &attribute))
        return false;
    form = dwarf_whatform(&attribute);
    /* DW_FORM_data1 and the like carry unsigned values; libdw would sign-extend them. */
    if (form == DW_FORM_sdata || form == DW_FORM_implicit_const) {
        if (dwarf_formsdata(&attribute, &sword) != 0)
            return false;
        *value = sword;
        return true;
    }
    if (dwarf_formudata(&attribute, &word) != 0)
        return false;
    *value = (int64_t)word;
    return true;
}

struct hd_dwarf_answer hd_dwarf_constant(struct hd_dwarf *dwarf, const char *prefix, const char *name)
{
    struct hd_dwarf_answer answer = {0};
    char full[128];
    int length = snprintf(full, sizeof full, "%s%s", prefix, name);
    struct text text = {full, (size_t)length};
    struct entry *entry;
    size_t at;

    if (length < 0 || (size_t)length >= sizeof full)
        return answer;
    at = entry_find(dwarf, text);
    while ((entry = entry_next(dwarf, &at, ENTRY_CONSTANT, text, 0))) {
        int64_t value;

        if (!constant_value(&entry->die, &value))
            continue;
        if (!answer.file)
            answer = (struct hd_dwarf_answer){.found = true, .value = value, .file = dwarf->files[entry->file].path};
        else
            answer_compare(&answer, dwarf->files[entry->file].path, true, value);
    }
    return answer;
}
