#include "profile/plan.h"

#include "base/memory.h"
#include "profile/options.h"
#include "profile/place.h"

#include <stdlib.h>
#include <string.h>

/* What has to be read together: the words of one row. Addresses are the profile's own until the plan is done. */
struct span {
    int table;
    int start, end; /* end is the address after the last */
    bool urgent;    /* a fault's */
};

struct spans {
    struct span *list;
    size_t count;
};

static void add_span(struct spans *spans, const struct place *place, bool urgent) {
    spans->list[spans->count++] = (struct span){place->table, place->address, place->address + place->words, urgent};
}

static int compare_spans(const void *a, const void *b) {
    const struct span *left = a;
    const struct span *right = b;
    if (left->table != right->table)
        return left->table - right->table;
    if (left->start != right->start)
        return left->start - right->start;
    return left->end - right->end;
}

static void sort_spans(struct spans *spans) {
    if (spans->count)
        qsort(spans->list, spans->count, sizeof *spans->list, compare_spans);
}

static bool fault_uses(const struct fault_row *row, int slot) {
    if (row->only_if == slot)
        return true;
    for (size_t i = 0; i < row->from_count; i++)
        if (row->from[i] == slot)
            return true;
    return false;
}

/* True if a row of the profile is made from that slot. */
static bool is_used(const struct profile *profile, int slot) {
    for (size_t i = 0; i < profile->value_count; i++)
        if (profile->values[i].only_if == slot)
            return true;
    for (size_t i = 0; i < profile->rule_count; i++)
        if (rule_uses(&profile->rules[i], slot))
            return true;
    for (size_t i = 0; i < profile->fault_count; i++)
        if (fault_uses(&profile->faults[i], slot))
            return true;
    return false;
}

static bool is_needed(const struct profile *profile, const struct part_options *options, const struct value_row *row) {
    if (options_unused(profile, options, row->slot))
        return false;
    return !options_without(profile, options, row->slot) || is_used(profile, row->slot);
}

static bool brings(const struct plan_read *read, int table, int start, int end) {
    return read->table == table && read->address <= start && end <= read->address + read->count;
}

/* The first read that brings those words whole, -1. */
static int find_read(const struct plan *plan, int table, int start, int end) {
    for (size_t i = 0; i < plan->read_count; i++)
        if (brings(&plan->reads[i], table, start, end))
            return (int)i;
    return -1;
}

/* Covers sorted spans with the fewest reads: each begins with the first span not yet covered and takes all that limit
 * and gap allow. */
static void add_reads(struct plan *plan, const struct spans *spans, enum lane lane, int limit, int gap) {
    for (size_t i = 0; i < spans->count;) {
        const struct span *first = &spans->list[i];
        int end = first->end;
        for (i++; i < spans->count; i++) {
            const struct span *next = &spans->list[i];
            if (next->table != first->table || next->start - end > gap)
                break;
            if (next->end > end && next->end - first->start > limit)
                break;
            if (next->end > end)
                end = next->end;
        }
        plan->reads[plan->read_count++] = (struct plan_read){.table = first->table,
                                                             .address = (uint16_t)first->start,
                                                             .count = (uint16_t)(end - first->start),
                                                             .lane = lane};
    }
}

/* Reads that bring faults go first. Within both halves the order by table and address stays. */
static void put_urgent_first(struct plan *plan, const struct spans *spans) {
    struct plan_read *sorted = memory_get(plan->read_count, sizeof *sorted);
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < plan->read_count; i++) {
            bool urgent = false;
            for (size_t k = 0; k < spans->count; k++)
                urgent = urgent || (spans->list[k].urgent && brings(&plan->reads[i], spans->list[k].table,
                                                                    spans->list[k].start, spans->list[k].end));
            if (urgent == (pass == 0))
                sorted[count++] = plan->reads[i];
        }
    memcpy(plan->reads, sorted, count * sizeof *sorted);
    free(sorted);
}

/* Every row of the profile, read or not: where the controller is known to have registers. */
static void known_spans(const struct profile *profile, struct spans *spans) {
    for (size_t i = 0; i < profile->value_count; i++)
        add_span(spans, &profile->values[i].place, false);
    for (size_t i = 0; i < profile->fault_count; i++)
        if (profile->faults[i].kind != FAULT_ROW_PATTERN)
            add_span(spans, &profile->faults[i].place, true);
    sort_spans(spans);
}

/* True if start..end may be read: it lies among rows with gaps no wider than max_gap, and cuts none of them. */
static bool may_be_read(const struct spans *known, int table, int start, int end, int gap) {
    int run_start = -1;
    int run_end = -1;
    bool within = false;
    for (size_t i = 0; i < known->count; i++) {
        const struct span *span = &known->list[i];
        if (span->table != table)
            continue;
        if ((span->start < start && start < span->end) || (span->start < end && end < span->end))
            return false;
        if (run_start < 0 || span->start - run_end > gap)
            run_start = span->start;
        if (span->end > run_end)
            run_end = span->end;
        within = within || (run_start <= start && end <= run_end);
    }
    return within;
}

static bool count_is_taken(const struct plan *plan, size_t but, int count) {
    for (size_t i = 0; i < plan->read_count; i++)
        if (i != but && plan->reads[i].table == plan->reads[but].table && plan->reads[i].count == count)
            return true;
    return false;
}

/* A late answer can only be told from the right one by its length (libmodbus does not look further): where the limits
 * allow it, a read asks for a few known registers more, so that no two have the same length. */
static void make_counts_differ(struct plan *plan, const struct profile *profile, const struct spans *known) {
    for (size_t i = plan->read_count; i-- > 0;) {
        struct plan_read *read = &plan->reads[i];
        int limit = profile->max_registers;
        if (read->lane == LANE_SLOW && limit > PLAN_SLOW_REGISTERS)
            limit = PLAN_SLOW_REGISTERS;
        for (int more = 1; count_is_taken(plan, i, read->count) && read->count + more <= limit; more++) {
            if (count_is_taken(plan, i, read->count + more))
                continue;
            for (int before = 0; before <= more; before++) {
                int start = read->address - before;
                int end = read->address + read->count + more - before;
                if (!may_be_read(known, read->table, start, end, profile->max_gap))
                    continue;
                read->address = (uint16_t)start;
                read->count = (uint16_t)(end - start);
                break;
            }
        }
    }
}

static void place_rows(struct plan *plan, const struct profile *profile, const struct part_options *options) {
    for (size_t i = 0; i < plan->read_count; i++) {
        plan->reads[i].at = plan->image_size;
        plan->image_size += plan->reads[i].count;
    }
    plan->loud = memory_get(plan->image_size, sizeof *plan->loud);
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct value_row *row = &profile->values[i];
        const struct place *place = &row->place;
        plan->value_at[i] = plan->value_read[i] = -1;
        if (!is_needed(profile, options, row))
            continue;
        int read = find_read(plan, place->table, place->address, place->address + place->words);
        plan->value_read[i] = read;
        plan->value_at[i] = (int)plan->reads[read].at + place->address - plan->reads[read].address;
        bool loud = row->slot != ITEM_HEARTBEAT && row->slot != ITEM_SPEED_MM_S && row->slot != ITEM_LOAD_PERCENT;
        for (int k = 0; loud && k < place->words; k++)
            plan->loud[plan->value_at[i] + k] = true;
    }
    for (size_t i = 0; i < profile->fault_count; i++) {
        const struct place *place = &profile->faults[i].place;
        plan->fault_at[i] = plan->fault_read[i] = -1;
        if (profile->faults[i].kind == FAULT_ROW_PATTERN)
            continue;
        int read = find_read(plan, place->table, place->address, place->address + place->words);
        plan->fault_read[i] = read;
        plan->fault_at[i] = (int)plan->reads[read].at + place->address - plan->reads[read].address;
        for (int k = 0; k < place->words; k++)
            plan->loud[plan->fault_at[i] + k] = true;
    }
}

/* Bytes of data in the reply. */
static int reply_size(const struct plan_read *read) {
    bool bits = read->table == TABLE_COIL || read->table == TABLE_DISCRETE;
    return bits ? (read->count + 7) / 8 : 2 * read->count;
}

static void find_shortest(struct plan *plan) {
    for (size_t i = 1; i < plan->read_count; i++)
        if (reply_size(&plan->reads[i]) < reply_size(&plan->reads[plan->shortest]))
            plan->shortest = i;
}

static void probe_with_less(struct plan *plan, const struct place *place) {
    struct plan_read row = {
        .table = place->table, .address = (uint16_t)place->address, .count = (uint16_t)place->words};
    if (plan->probe.count == 0 || reply_size(&row) < reply_size(&plan->probe))
        plan->probe = row;
}

static void find_probe(struct plan *plan, const struct profile *profile) {
    for (size_t i = 0; i < profile->value_count; i++)
        if (plan->value_read[i] >= 0)
            probe_with_less(plan, &profile->values[i].place);
    for (size_t i = 0; i < profile->fault_count; i++)
        if (plan->fault_read[i] >= 0)
            probe_with_less(plan, &profile->faults[i].place);
}

static void note_options(struct plan *plan, const struct profile *profile, const struct part_options *options) {
    plan->slot_unused = memory_get(profile->slot_count, sizeof *plan->slot_unused);
    plan->slot_without = memory_get(profile->slot_count, sizeof *plan->slot_without);
    plan->value_inverted = memory_get(profile->value_count, sizeof *plan->value_inverted);
    plan->value_delay = memory_get(profile->value_count, sizeof *plan->value_delay);
    plan->fault_inverted = memory_get(profile->fault_count, sizeof *plan->fault_inverted);
    for (size_t i = 0; i < profile->slot_count; i++) {
        plan->slot_unused[i] = options_unused(profile, options, (int)i);
        plan->slot_without[i] = options_without(profile, options, (int)i);
    }
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct value_row *row = &profile->values[i];
        bool has_delay = row->on_ms > 0 || row->off_ms > 0;
        plan->value_inverted[i] = row->invert != options_invert(profile, options, &row->place);
        plan->value_delay[i] = has_delay ? (int)plan->delay_count++ : -1;
    }
    for (size_t i = 0; i < profile->fault_count; i++) {
        const struct fault_row *row = &profile->faults[i];
        bool inverted = row->kind == FAULT_ROW_BIT && options_invert(profile, options, &row->place);
        plan->fault_inverted[i] = row->invert != inverted;
    }
}

struct plan *plan_create(const struct profile *profile, const struct part_options *options) {
    size_t rows = profile->value_count + profile->fault_count;
    struct plan *plan = memory_get(1, sizeof *plan);
    struct spans spans = {memory_get(rows, sizeof(struct span)), 0};
    plan->reads = memory_get(rows, sizeof *plan->reads);
    plan->value_at = memory_get(profile->value_count, sizeof *plan->value_at);
    plan->value_read = memory_get(profile->value_count, sizeof *plan->value_read);
    plan->fault_at = memory_get(profile->fault_count, sizeof *plan->fault_at);
    plan->fault_read = memory_get(profile->fault_count, sizeof *plan->fault_read);

    for (size_t i = 0; i < profile->value_count; i++)
        if (profile->values[i].lane == LANE_FAST && is_needed(profile, options, &profile->values[i]))
            add_span(&spans, &profile->values[i].place, false);
    for (size_t i = 0; i < profile->fault_count; i++)
        if (profile->faults[i].kind != FAULT_ROW_PATTERN)
            add_span(&spans, &profile->faults[i].place, true);
    sort_spans(&spans);
    add_reads(plan, &spans, LANE_FAST, profile->max_registers, profile->max_gap);
    put_urgent_first(plan, &spans);
    plan->fast_count = plan->read_count;

    spans.count = 0;
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct place *place = &profile->values[i].place;
        if (profile->values[i].lane == LANE_SLOW && is_needed(profile, options, &profile->values[i]) &&
            find_read(plan, place->table, place->address, place->address + place->words) < 0)
            add_span(&spans, place, false);
    }
    sort_spans(&spans);
    int slow_limit = profile->max_registers < PLAN_SLOW_REGISTERS ? profile->max_registers : PLAN_SLOW_REGISTERS;
    add_reads(plan, &spans, LANE_SLOW, slow_limit, profile->max_gap);
    if (plan->read_count > 0) /* far fewer than rows */
        plan->reads = memory_grow(plan->reads, plan->read_count, sizeof *plan->reads);

    spans.count = 0;
    known_spans(profile, &spans);
    make_counts_differ(plan, profile, &spans);
    free(spans.list);
    place_rows(plan, profile, options);
    note_options(plan, profile, options);
    find_probe(plan, profile);
    for (size_t i = 0; options && i < plan->read_count; i++)
        plan->reads[i].address = (uint16_t)(plan->reads[i].address + options->address_offset);
    if (options)
        plan->probe.address = (uint16_t)(plan->probe.address + options->address_offset);
    find_shortest(plan);
    return plan;
}

void plan_free(struct plan *plan) {
    if (!plan)
        return;
    free(plan->reads);
    free(plan->value_at);
    free(plan->value_read);
    free(plan->fault_at);
    free(plan->fault_read);
    free(plan->value_inverted);
    free(plan->fault_inverted);
    free(plan->value_delay);
    free(plan->slot_unused);
    free(plan->slot_without);
    free(plan->loud);
    free(plan);
}
