/* With libedit, which speaks readline's language. See sql_edit.h. */
#define _GNU_SOURCE
#include "cli/sql_edit.h"

#include <editline/readline.h>

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REMEMBERED = 1000 };

static const char *(*next_word)(const char *text, unsigned number);
static bool begun;
static sigjmp_buf again;
static volatile sig_atomic_t editing;

/* --- the file --- */

static bool history_path(char path[PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char folder[PATH_MAX];
    int length;
    if (state && state[0] == '/')
        length = snprintf(folder, sizeof folder, "%s", state);
    else if (home && home[0] == '/')
        length = snprintf(folder, sizeof folder, "%s/.local/state", home);
    else
        return false;
    if (length < 0 || length >= PATH_MAX - 40)
        return false;
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(folder, 0700); /* if it fails, so does what follows */
        *slash = '/';
    }
    mkdir(folder, 0700);
    strcat(folder, "/heap_dump");
    mkdir(folder, 0700);
    snprintf(path, PATH_MAX, "%.*s/sql_history", PATH_MAX - 20, folder);
    return true;
}

/* After each statement: terminals are closed without a word. */
static void history_save(void)
{
    char path[PATH_MAX];
    if (!begun || !history_path(path))
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); /* write_history would take the umask's mode */
    if (fd < 0)
        return;
    fchmod(fd, 0600);
    close(fd);
    write_history(path);
}

/* --- completion --- */

static char *generate(const char *text, int state)
{
    static unsigned number;
    number = state ? number + 1 : 0;
    const char *word = next_word ? next_word(text, number) : NULL;
    return word ? strdup(word) : NULL;
}

static char **complete(const char *text, int start, int end)
{
    (void)start;
    (void)end;
    rl_attempted_completion_over = 1; /* no names of files */
    return rl_completion_matches(text, generate);
}

void hd_sql_edit_complete(const char *(*word)(const char *text, unsigned number))
{
    next_word = word;
}

/* --- lines --- */

static void begin(void)
{
    char path[PATH_MAX];
    begun = true;
    rl_readline_name = "heap_dump";
    rl_initialize();
    using_history();
    stifle_history(REMEMBERED);
    if (history_path(path))
        read_history(path);
    rl_attempted_completion_function = complete;
    rl_completer_word_break_characters = " \t\n\"'`@$><=;|&{(,";
}

/* While a line is edited nothing of ours runs but the reading of a key: away from there, to an empty line. */
static void on_interrupt(int signal)
{
    (void)signal;
    if (editing) {
        editing = 0;
        siglongjmp(again, 1);
    }
}

char *hd_sql_edit_line(const char *prompt)
{
    struct sigaction action = {.sa_handler = on_interrupt}, before;
    if (!begun)
        begin();
    sigaction(SIGINT, &action, &before);
    char *volatile line = NULL;
    if (sigsetjmp(again, 1)) {
        rl_deprep_terminal();
        putchar('\n');
        line = strdup("");
    } else {
        editing = 1;
        line = readline(prompt);
        editing = 0;
    }
    sigaction(SIGINT, &before, NULL);
    return line;
}

void hd_sql_edit_remember(const char *text)
{
    if (!*text)
        return;
    add_history(text);
    history_save();
}
