/* What becomes of a ledger that cannot be trusted: set aside with its date, and what can be read of it kept. Private to
 * gateway/store/. */
#ifndef LIFTGW_STORE_DAMAGE_H
#define LIFTGW_STORE_DAMAGE_H

#include <sqlite3.h>
#include <stddef.h>

/* Renames path and what SQLite keeps beside it to path.damaged-YYYYMMDDThhmmssZ, and deletes the oldest such files but
 * a few. aside gets the new name. 0, or -1 with errno. */
int damage_set_aside(const char *path, char *aside, size_t size);

/* Copies the lift records, retained topics and facts that plain SELECTs find in the file aside into the tables of
 * `into`, inside its open transaction; aside stays as it is. Gives up after a few seconds. Returns how many rows. */
int damage_salvage(const char *aside, sqlite3 *into);

#endif
