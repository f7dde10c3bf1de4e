// What the analyser's speed is measured against: a pass that only parses a file of JSON lines with simdjson, one
// document per line, on one core. Prints the number of documents.
//
//   parse_only FILE
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <simdjson.h>
#include <sys/mman.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
    struct stat status;
    int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    if (fd < 0 || fstat(fd, &status) != 0) {
        std::fprintf(stderr, "usage: parse_only FILE\n");
        return 2;
    }
    size_t size = static_cast<size_t>(status.st_size);
    // One page more than the file: simdjson reads a little behind the end of what it parses.
    char *space = static_cast<char *>(mmap(nullptr, size + 4096 * 2, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (space == MAP_FAILED || mmap(space, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED) {
        std::perror("parse_only: mmap");
        return 4;
    }
    simdjson::dom::parser parser;
    unsigned long documents = 0, broken = 0;
    for (const char *line = space, *end = space + size; line < end;) {
        const char *stop = static_cast<const char *>(std::memchr(line, '\n', static_cast<size_t>(end - line)));
        size_t length = static_cast<size_t>((stop ? stop : end) - line);
        simdjson::dom::element element;
        if (length && parser.parse(line, length, false).get(element))
            broken++;
        documents += length > 0;
        line += length + 1;
    }
    std::printf("%lu documents, %lu of them broken\n", documents, broken);
    return 0;
}
