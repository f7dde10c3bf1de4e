/* See guard.h. */
#define _GNU_SOURCE
#include "web/guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum { NAME_LENGTH = 64 };

bool hd_web_guard_token(char token[HD_WEB_TOKEN])
{
    unsigned char bytes[(HD_WEB_TOKEN - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(token + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

bool hd_web_guard_is_token(const char *token, const char *text)
{
    unsigned char differs = 0;
    if (!text || strlen(text) != HD_WEB_TOKEN - 1)
        return false;
    for (size_t i = 0; i < HD_WEB_TOKEN - 1; i++)
        differs |= (unsigned char)(token[i] ^ text[i]);
    return differs == 0;
}

/* "localhost:8080", "[::1]:8080", "127.0.0.1" less port and brackets. False if it is none of those. */
static bool name_of(const char *host, char name[NAME_LENGTH])
{
    bool brackets = *host == '[';
    const char *from = host + brackets, *end = brackets ? strchr(from, ']') : from + strcspn(from, ":");
    if (!end || end == from || (size_t)(end - from) >= NAME_LENGTH)
        return false;
    memcpy(name, from, (size_t)(end - from));
    name[end - from] = '\0';
    const char *port = end + brackets;
    return !*port || (*port == ':' && strspn(port + 1, "0123456789") == strlen(port + 1) && strlen(port) <= 6);
}

/* 4 or 6 for a numeric address, 0 for anything else. */
static int is_numeric(const char *name)
{
    struct in6_addr address;
    return inet_pton(AF_INET, name, &address) == 1 ? 4 : inet_pton(AF_INET6, name, &address) == 1 ? 6 : 0;
}

bool hd_web_guard_is_host(const char *address, const char *host)
{
    char name[NAME_LENGTH];
    if (!host || !name_of(host, name))
        return false;
    int kind = is_numeric(name);
    if (!strcasecmp(name, "localhost") || (kind == 4 && !strncmp(name, "127.", 4)) || (kind == 6 && !strcmp(name, "::1")))
        return true;
    bool everywhere = !strcmp(address, "0.0.0.0") || !strcmp(address, "::");
    return kind && (everywhere || !strcasecmp(name, address));
}

bool hd_web_guard_is_ours(const char *site, const char *origin, const char *host)
{
    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return false;
    static const char scheme[] = "http://";
    return !origin || (!strncmp(origin, scheme, sizeof scheme - 1) && host && !strcasecmp(origin + sizeof scheme - 1, host));
}
