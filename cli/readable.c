/* See readable.h. */
#include "cli/readable.h"

#include "cli/table.h"

enum { ELEMENTS_MAX = 20, LINE_ELEMENTS = 65536 };

static bool is_list(struct hd_graph_text value)
{
    return value.length > 2 && (value.data[0] == '{' || value.data[0] == '[');
}

static void list_print(FILE *file, struct hd_graph_text list)
{
    static const struct hd_table_column columns[] = {{"", false, true}, {"", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 2, .margin = 6, .headless = true};
    size_t at = 0, count = 0;
    for (struct hd_graph_text key, value; (value = hd_readable_next(list, &at, &key)).data; count++) {
        if (count >= ELEMENTS_MAX)
            continue;
        char index[HD_TABLE_NUMBER];
        snprintf(index, sizeof index, "[%zu]", count);
        if (key.data)
            hd_table_add(&table, hd_readable_string(key).data, hd_readable_string(key).length);
        else
            hd_table_add_string(&table, index);
        hd_table_add(&table, value.data, value.length);
    }
    hd_table_print(file, &table);
    hd_table_deinit(&table);
    char text[HD_TABLE_NUMBER];
    if (count > ELEMENTS_MAX)
        fprintf(file, "      … %s more%s\n", hd_table_count(text, count - ELEMENTS_MAX),
                count >= LINE_ELEMENTS ? ", and those of the further lines that it may have" : "");
}

/* Fields of one word stand together, before those that take lines of their own. */
void hd_readable_print(FILE *file, struct hd_graph_text object)
{
    static const struct hd_table_column columns[] = {{"", false, false}, {"", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 2, .margin = 4, .headless = true};
    size_t at = 0;
    for (struct hd_graph_text key, value; (value = hd_readable_next(object, &at, &key)).data;) {
        if (is_list(value))
            continue;
        hd_table_add(&table, hd_readable_string(key).data, hd_readable_string(key).length);
        hd_table_add(&table, value.data, value.length);
    }
    hd_table_print(file, &table);
    hd_table_deinit(&table);
    at = 0;
    for (struct hd_graph_text key, value; (value = hd_readable_next(object, &at, &key)).data;) {
        if (!is_list(value))
            continue;
        hd_table_line(file, hd_readable_string(key).data, hd_readable_string(key).length, 4);
        list_print(file, value);
    }
}
