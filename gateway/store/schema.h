/* The tables of the ledger's file, and how a file of an older version becomes one of this. Private to gateway/store/.
 */
#ifndef LIFTGW_STORE_SCHEMA_H
#define LIFTGW_STORE_SCHEMA_H

#include <sqlite3.h>

/* What one event writes, acknowledgement included, is 12 kB with pages of 1 KiB and 37 kB with pages of 4 KiB. */
#define SCHEMA_PAGE_SIZE 1024

/* The columns of a lift's rows after the key, in the order in which they are read and written. */
#define COLUMNS_LIFT                                                                                                   \
    "service_mode, seen_0_real_ms, seen_1_real_ms, seen_2_real_ms, seen_3_real_ms, online, trapped, "                  \
    "moved_real_ms, maintenance_until_real_ms"
#define COLUMNS_FAULT                                                                                                  \
    "active, flapping, rescue, suppressed, severity, entrapment, confidence, raised_real_ms, count, seq, part, "       \
    "register_table,"                                                                                                  \
    " address, bit, value, code, code_text"
#define COLUMNS_COUNTER "derived, total, since_real_ms, raw, raw_real_ms"

enum schema_state {
    SCHEMA_OURS,     /* a ledger of this version or an older one */
    SCHEMA_EMPTY,    /* a database without anything in it */
    SCHEMA_NEWER,    /* a ledger of a newer version */
    SCHEMA_FOREIGN,  /* a database of another program */
    SCHEMA_GIVEN_UP, /* a ledger that was found damaged while it was in use */
    SCHEMA_FAILED    /* could not be read: ask SQLite why */
};

/* Looks at a file without changing it. */
enum schema_state schema_examine(sqlite3 *database, int *version);
/* Marks a file for the next start; does what it can. */
void schema_give_up(sqlite3 *database);
/* The version that this program writes. */
int schema_version(void);
/* Climbs the ladder from the file's version to this one, in one transaction of its own or within an open one. Returns
 * SQLite's result. */
int schema_upgrade(sqlite3 *database, int from);

#endif
