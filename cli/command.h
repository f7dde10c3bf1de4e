/*
 * A command as a table: its name, its words, its operands and options. Help, manual page and shell completion are made
 * from it (cli/help.h), and it is what the command line is read by: what is in no table does not exist.
 *
 * Owns how a command line is read. Must not know any command nor what an option means.
 *
 *     struct hd_call call;
 *     hd_call_begin(&call, &hd_command_top, argc, argv);
 *     for (int letter; (letter = hd_call_option(&call)) != 0;)
 *         switch (letter) { case 'l': request.limit = hd_call_count(&call); break; … }
 *     if (!hd_call_operands(&call))
 *         return call.status;
 */
#ifndef HD_CLI_COMMAND_H
#define HD_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HD_CALL_NO_LETTER = 256 }; /* letters from here on are numbers for options that have only a long name */

struct hd_option {
    int letter;                 /* 'l', or HD_CALL_NO_LETTER + n; 0 ends the table */
    const char *name;           /* "limit" */
    const char *argument;       /* "N", "FILE"; NULL: it takes none, or one of the choices */
    const char *help;           /* "rows to print (20); 0 for all" */
    const char *const *choices; /* the words it takes, NULL at the end; NULL: it has none. With an argument they are only */
                                /* offered by completion, and more may stand behind one that ends in a colon */
    bool *flag;                 /* set to true by the option, which hd_call_option then does not hand out; NULL */
};

/* What completion offers for an operand. */
enum hd_operand_kind { HD_OPERAND_DUMP, HD_OPERAND_FILE, HD_OPERAND_OBJECT, HD_OPERAND_WORD };

struct hd_operand {
    const char *name;  /* "FILE|-" as in the help; NULL ends the list */
    const char *said;  /* "a file": … is missing */
    enum hd_operand_kind kind;
    bool optional;     /* those behind it are, too */
    bool repeated;     /* any number of them; the last one only */
    const char *const *choices; /* as in struct hd_option; not checked */
};

struct hd_command {
    const char *name;
    void (*prepare)(void);             /* completes the tables below, before they are looked at; NULL; may be called again */
    int (*run)(int argc, char **argv); /* argv[0] is the name; returns the exit status (docs/exit-status.md) */
    const char *summary;               /* for the list of commands: "what keeps an object alive" */
    const char *about;                 /* paragraphs, above the options. A blank line separates paragraphs, lines that */
                                       /* begin with two spaces stay as they are, the others are filled. */
    struct hd_operand operands[4];
    const struct hd_option *options;   /* without --help, which all have; NULL: none */
    const char *notes;                 /* paragraphs, below the options; NULL: none */
    const char *statuses;              /* "0 fine, 2 wrong options, …" */
    bool kept;                         /* what it says follows from its words and its dumps alone (cli/kept.h) */
};

/* The option --json and --limit as most commands have them. */
#define HD_OPTION_JSON {'j', "json", NULL, "as one JSON object", NULL, NULL}
#define HD_OPTION_END {0, NULL, NULL, NULL, NULL, NULL}

/* A command line that is being read. */
struct hd_call {
    const struct hd_command *command;
    int argc;
    char **argv;
    bool stopped; /* the command is to return `status`: help was printed, or a complaint */
    int status;
    const struct hd_option *option; /* the one handed out last */
    const char *value;              /* its value; NULL if it takes none */
    int choice;                     /* where the value is among its choices */
    char **operand;                 /* after hd_call_operands */
    int operand_count;
};

void hd_call_begin(struct hd_call *call, const struct hd_command *command, int argc, char **argv);

/* The letter of the next option, 0 at the end or when the call is stopped. Its value is one of its choices if it has some. */
int hd_call_option(struct hd_call *call);

/* After the last option: true if the operands are as many as the command wants and nothing has stopped the call. */
bool hd_call_operands(struct hd_call *call);

/* The value as a number in decimal. Stops the call if it is none, and returns 0. */
unsigned long hd_call_count(struct hd_call *call);

/* The value as bytes: 500, 500kB, 10MB, 1.5G; k, M, G are powers of 1000, KiB, MiB, GiB of 1024. Stops the call as above. */
uint64_t hd_call_bytes(struct hd_call *call);

/* Stops the call with "heap_dump COMMAND: the sentence; see `heap_dump COMMAND --help`" on stderr. Always returns false. */
bool hd_call_refuse(struct hd_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
