/* What becomes of a ledger that cannot be trusted: set aside with its date, and what can be read of it kept. Private to
 * gateway/store/. */
#ifndef LIFTGW_STORE_DAMAGE_H
#define LIFTGW_STORE_DAMAGE_H

#include "store/ledger.h"

#include <sqlite3.h>

/* The name under which path would be set aside now, path.damaged-YYYYMMDDThhmmssZ, that no file has. 0, or -1 with
 * errno. */
int damage_name(const char *path, char *aside, size_t size);
/* Renames path and what SQLite keeps beside it to aside, what of it there is, and deletes the oldest ones set aside but
 * a few. 0, or -1 with errno. */
int damage_set_aside(const char *path, const char *aside);
/* Deletes the oldest one that was set aside; false if there is none. */
bool damage_make_room(const char *path);

/* Copies the lift records, retained topics and facts that plain SELECTs find in the file at path into the tables of
 * `into`, inside its open transaction; the file stays as it is. Gives up after a few seconds. found gets how many rows
 * it were, and the old series with its last seq if they can be read. */
void damage_salvage(const char *path, sqlite3 *into, struct ledger_replacement *found);

#endif
