#include "profile/derive.h"

int64_t derive_edges(struct derive *derive, const struct rule_row *row, struct value value, int64_t mono_ms,
                     int64_t *due_ms) {
    *due_ms = INT64_MAX;
    if (!value.known || value.number != row->is) {
        derive->phase = value.known ? DERIVE_OTHER : DERIVE_UNKNOWN;
        return 0;
    }
    if (derive->phase == DERIVE_UNKNOWN)
        derive->phase = DERIVE_IS; /* nobody saw it begin */
    if (derive->phase == DERIVE_OTHER) {
        derive->phase = DERIVE_WAITING;
        derive->since_ms = mono_ms;
    }
    if (derive->phase == DERIVE_IS)
        return 0;
    if (mono_ms - derive->since_ms < (int64_t)row->min_ms) {
        *due_ms = derive->since_ms + (int64_t)row->min_ms;
        return 0;
    }
    derive->phase = DERIVE_IS;
    return 1;
}

int64_t derive_time(struct derive *derive, const struct rule_row *row, struct value value, int64_t mono_ms,
                    int64_t *due_ms) {
    int64_t elapsed = mono_ms - derive->since_ms;
    bool counts = derive->phase == DERIVE_IS && value.known && elapsed <= DERIVE_GAP_MS;
    bool is = value.known && value.number == row->is;
    derive->phase = !value.known ? DERIVE_UNKNOWN : is ? DERIVE_IS : DERIVE_OTHER;
    derive->since_ms = mono_ms;
    *due_ms = is ? mono_ms + DERIVE_EVERY_MS : INT64_MAX;
    return counts ? elapsed : 0;
}
