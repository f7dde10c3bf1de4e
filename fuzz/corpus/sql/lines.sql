SELECT *, path(id), dump_line(id), hex_id(id), human(size), gem(file) FROM objects
