#include "daemon/retirement.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

#define FACT "retired"

bool retirement_refuses(struct ledger *ledger, const char *path) {
    char stamp[32];
    char when[CLOCK_TEXT_SIZE];
    if (ledger_fact_get(ledger, FACT, stamp, sizeof stamp) != 1)
        return false;
    log_error("this box was retired on %s: its topics were cleared from the broker. To use it again, move %s away: a"
              " new ledger begins with a new series",
              clock_text(strtoll(stamp, NULL, 10), when), path);
    return true;
}

int retirement_note(struct ledger *ledger, struct instant now) {
    char stamp[32];
    snprintf(stamp, sizeof stamp, "%lld", (long long)now.real_ms);
    return ledger_fact_put(ledger, FACT, stamp);
}
