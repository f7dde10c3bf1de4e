/* With libedit, which speaks readline's language. See sql_edit.h. */
#define _GNU_SOURCE
#include "cli/sql_edit.h"

#include <editline/readline.h>

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { REMEMBERED = 1000, CONTROL_C = 3 };

static const char *(*next_word)(const char *text, unsigned number);
static bool begun;
static bool given_up;

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

/* Control-C while a line is edited: a key like any other, no signal; the line is given up. */
static int give_up(int count, int key)
{
    (void)count;
    (void)key;
    given_up = true;
    rl_done = 1;
    return 0;
}

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
    rl_add_defun("give-up", give_up, CONTROL_C);
    rl_completer_word_break_characters = " \t\n\"'`@$><=;|&{(,";
}

char *hd_sql_edit_line(const char *prompt)
{
    struct termios usual, editing;
    bool terminal = !tcgetattr(STDIN_FILENO, &usual);
    if (!begun)
        begin();
    if (terminal) {
        editing = usual;
        editing.c_cc[VINTR] = _POSIX_VDISABLE;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &editing);
    }
    given_up = false;
    char *line = readline(prompt);
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &usual);
    if (!given_up)
        return line;
    putchar('\n');
    free(line);
    return strdup("");
}

void hd_sql_edit_remember(const char *text)
{
    if (!*text)
        return;
    add_history(text);
    history_save();
}
