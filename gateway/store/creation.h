/* How a ledger comes to be: it is made whole beside its place, as path.new, and then moved there, so that whatever
 * stands at path is either all of a ledger or damaged. Private to gateway/store/. */
#ifndef LIFTGW_STORE_CREATION_H
#define LIFTGW_STORE_CREATION_H

#include "store/ledger.h"

#define CREATION_WHY_SIZE 256

/* Finishes what a power cut interrupted: a new ledger that is whole takes the place of one that was set aside, one that
 * is not goes. 0, or -1 with why. */
int creation_resume(const char *path, char why[CREATION_WHY_SIZE]);

/* Makes a new ledger at path. replaced NULL: there was none. Else the damaged one at path is set aside once the new one
 * holds what could be read of it, and that this has to be announced; replaced->why is given, the rest is filled in.
 * 0, or -1 with why; then what stood at path still does, or creation_resume goes on. */
int creation_make(const char *path, struct ledger_replacement *replaced, char why[CREATION_WHY_SIZE]);

/* The announcement that is owed, as the fact of this name keeps it until it is told. False if it makes no sense. */
#define CREATION_FACT "replaced"
bool creation_read_fact(const char *text, struct ledger_replacement *replaced);

#endif
