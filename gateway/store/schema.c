#include "store/schema.h"

#include "base/text.h"
#include "store/database.h"

#include <stdio.h>

/* "LGWL": says in the file's header whose it is. */
#define APPLICATION_ID 0x4C47574C

/* One step for each version, never changed once released: step i makes a file of version i one of version i + 1.
 *
 * seq and n are drawn from series and topic, so that no number comes again after its message was deleted. A payload
 * never changes; of a message only outcome and the times of its way to the broker do, and until it is done they hold
 * the largest number of six bytes, so that the row never grows. The payload comes last, so that the rest can be read
 * without it. A trail is model/trail.h's line, by the seq of the message that raised the fault. */
static const char *const ladder[] = {
    "CREATE TABLE series(id INTEGER PRIMARY KEY CHECK(id = 1), series TEXT NOT NULL, next_seq INTEGER NOT NULL,"
    " dropped INTEGER NOT NULL) STRICT;"
    "CREATE TABLE topic(id INTEGER PRIMARY KEY, topic TEXT NOT NULL UNIQUE, n INTEGER NOT NULL) STRICT;"
    "CREATE TABLE message(seq INTEGER PRIMARY KEY, topic INTEGER NOT NULL, retain INTEGER NOT NULL,"
    " real_ms INTEGER NOT NULL, sent_real_ms INTEGER NOT NULL DEFAULT 0x7FFFFFFFFFFF, done_real_ms INTEGER NOT NULL,"
    " outcome INTEGER, payload TEXT NOT NULL) STRICT;"
    "CREATE TABLE trail(seq INTEGER PRIMARY KEY, points TEXT NOT NULL) STRICT;"
    "CREATE INDEX message_waiting ON message(seq) WHERE outcome IS NULL;"
    "CREATE TABLE lift(lift TEXT NOT NULL PRIMARY KEY, service_mode TEXT, seen_0_real_ms INTEGER NOT NULL,"
    " seen_1_real_ms INTEGER NOT NULL, seen_2_real_ms INTEGER NOT NULL, seen_3_real_ms INTEGER NOT NULL,"
    " online INTEGER NOT NULL, trapped INTEGER NOT NULL, moved_real_ms INTEGER NOT NULL,"
    " maintenance_until_real_ms INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE fault(lift TEXT NOT NULL, fault TEXT NOT NULL, active INTEGER NOT NULL, flapping INTEGER NOT NULL,"
    " rescue INTEGER NOT NULL,"
    " suppressed INTEGER NOT NULL, severity INTEGER NOT NULL, entrapment INTEGER NOT NULL,"
    " confidence INTEGER NOT NULL, raised_real_ms INTEGER NOT NULL, count INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " part INTEGER NOT NULL, register_table INTEGER NOT NULL, address INTEGER NOT NULL, bit INTEGER NOT NULL,"
    " value INTEGER NOT NULL, code INTEGER NOT NULL, code_text TEXT NOT NULL, PRIMARY KEY(lift, fault))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE counter(lift TEXT NOT NULL, counter TEXT NOT NULL, derived INTEGER NOT NULL, total INTEGER,"
    " since_real_ms INTEGER NOT NULL, raw INTEGER, raw_real_ms INTEGER NOT NULL, PRIMARY KEY(lift, counter))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE report(lift TEXT NOT NULL, period TEXT NOT NULL, figures TEXT NOT NULL, PRIMARY KEY(lift, period))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE retained(topic TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE fact(name TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;",
};

int schema_version(void) {
    return (int)COUNT_OF(ladder);
}

enum schema_state schema_examine(sqlite3 *database, int *version) {
    int64_t application, user_version, objects;
    if (database_number(database, "PRAGMA application_id", &application) != SQLITE_OK ||
        database_number(database, "PRAGMA user_version", &user_version) != SQLITE_OK ||
        database_number(database, "SELECT count(*) FROM sqlite_schema", &objects) != SQLITE_OK)
        return SCHEMA_FAILED;
    *version = (int)user_version;
    if (application == APPLICATION_ID && user_version > schema_version())
        return SCHEMA_NEWER;
    if (application == APPLICATION_ID)
        return user_version > 0 ? SCHEMA_OURS : SCHEMA_GIVEN_UP;
    return application == 0 && objects == 0 ? SCHEMA_EMPTY : SCHEMA_FOREIGN;
}

void schema_give_up(sqlite3 *database) {
    database_execute(database, "PRAGMA user_version = 0");
}

int schema_upgrade(sqlite3 *database, int from) {
    int result = database_execute(database, "SAVEPOINT upgrade");
    for (size_t i = (size_t)from; i < COUNT_OF(ladder) && result == SQLITE_OK; i++)
        result = database_execute(database, ladder[i]);
    char version[96];
    snprintf(version, sizeof version, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID,
             schema_version());
    if (result == SQLITE_OK)
        result = database_execute(database, version);
    if (result == SQLITE_OK)
        return database_execute(database, "RELEASE upgrade");
    database_execute(database, "ROLLBACK TO upgrade; RELEASE upgrade");
    return result;
}
