/*
 * Who may ask: the names a server answers to, where a request came from, the token.
 *
 * Owns the rules and how headers are read for them. Must not know the library that speaks HTTP: it is given texts. Whatever the
 * bytes are, they are only compared.
 */
#ifndef HD_WEB_GUARD_H
#define HD_WEB_GUARD_H

#include <stdbool.h>

enum { HD_WEB_TOKEN = 33 }; /* 32 hexadecimal digits and a NUL */

/* A new token, of the kernel's random bytes. False if it has none. */
bool hd_web_guard_token(char token[HD_WEB_TOKEN]);

/* Whether it is the token, in a time that does not tell how much of it is right. `text` may be NULL. */
bool hd_web_guard_is_token(const char *token, const char *text);

/*
 * Whether a Host header names this machine. A page of another name that was made to point here (DNS rebinding) says its own name:
 * only localhost, numeric loopback addresses and `address`, the one that is listened on, are ours. If that is all addresses, any numeric address
 * is. The port may be any, for a tunnel has its own. `host` may be NULL.
 */
bool hd_web_guard_is_host(const char *address, const char *host);

/* Whether a request may come from a page of ours: `site` is its Sec-Fetch-Site, `origin` its Origin; each NULL if it has none. */
bool hd_web_guard_is_ours(const char *site, const char *origin, const char *host);

#endif
