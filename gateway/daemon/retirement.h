/* That a box was scrapped, as its ledger remembers it: it must not bring its topics back. */
#ifndef LIFTGW_DAEMON_RETIREMENT_H
#define LIFTGW_DAEMON_RETIREMENT_H

#include "base/clock.h"
#include "store/ledger.h"

/* True if the box with this ledger was retired, after saying when, and how it is used again. path: the ledger's. */
bool retirement_refuses(struct ledger *ledger, const char *path);

/* Everything of the box is cleared from the broker. 0, or -1: the ledger cannot be written. */
int retirement_note(struct ledger *ledger, struct instant now);

#endif
