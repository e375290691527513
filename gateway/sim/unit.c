#include "sim/unit.h"

#include "base/log.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX

static const char *refuse(const char *format, ...) PRINTF_LIKE(1, 2);
static const char *refuse(const char *format, ...) {
    static char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return text;
}

void unit_init(struct unit *unit, int number, const struct profile *profile, const struct image *image, double speed,
               uint64_t seed, int64_t now) {
    struct random random = {.state = seed * 1000 + (uint64_t)number};
    *unit = (struct unit){.number = number,
                          .profile = profile,
                          .image = image,
                          .lift = memory_get(1, sizeof *unit->lift),
                          .owns_lift = true,
                          .random = {.state = random_next(&random)},
                          .row_active = memory_get(profile->fault_count, sizeof *unit->row_active),
                          .row_code = memory_get(profile->fault_count, sizeof *unit->row_code),
                          .words = memory_get(image_size(image), sizeof *unit->words),
                          .memory = {.sought = memory_get(image_piece_count(image), sizeof(uint64_t)),
                                     .found = memory_get(image_group_count(image), sizeof(int64_t))}};
    *unit->lift = (struct unit_lift){.speed = speed, .lived_ns = now, .first = unit};
    world_init(&unit->lift->world, random_next(&random));
}

void unit_join(struct unit *unit, struct unit *other) {
    free(unit->lift);
    unit->owns_lift = false;
    unit->lift = other->lift;
    struct unit *last = unit->lift->first;
    while (last->next)
        last = last->next;
    last->next = unit;
}

void unit_release(struct unit *unit) {
    if (unit->owns_lift)
        free(unit->lift);
    free(unit->row_active);
    free(unit->row_code);
    free(unit->words);
    free(unit->memory.sought);
    free(unit->memory.found);
}

void unit_live(struct unit *unit, int64_t now) {
    struct unit_lift *lift = unit->lift;
    if (now <= lift->lived_ns)
        return;
    if (!lift->held)
        world_advance(&lift->world, (int64_t)((double)(now - lift->lived_ns) * lift->speed));
    lift->lived_ns = now;
}

/* ---- reading ---- */

/* The row that shows a fault by itself, a bit before a pattern; NONE. */
static size_t row_showing(const struct profile *profile, enum fault fault) {
    size_t pattern = NONE;
    for (size_t i = 0; i < profile->fault_count; i++) {
        const struct fault_row *row = &profile->faults[i];
        if (row->source.fault != fault || row->kind == FAULT_ROW_CODES)
            continue;
        if (row->kind == FAULT_ROW_BIT)
            return i;
        pattern = pattern == NONE ? i : pattern;
    }
    return pattern;
}

static int64_t quiet_code(const struct fault_row *row) {
    return row->none_count ? row->none[0] : 0;
}

static void draw(struct unit *unit) {
    const struct profile *profile = unit->profile;
    for (size_t i = 0; i < profile->fault_count; i++) {
        unit->row_active[i] = false;
        unit->row_code[i] = quiet_code(&profile->faults[i]);
    }
    for (int i = 0; i < FAULT_COUNT; i++)
        if (unit->fault[i])
            unit->row_active[row_showing(profile, (enum fault)i)] = true;
    for (size_t i = 0; i < unit->code_count; i++) {
        unit->row_active[unit->code[i].row] = true;
        unit->row_code[unit->code[i].row] = unit->code[i].raw;
    }
    struct scene scene = {.fault_active = unit->row_active, .fault_code = unit->row_code};
    for (int i = 0; i < ITEM_COUNT; i++)
        scene.item[i] = world_item(&unit->lift->world, (enum item)i);
    image_draw(unit->image, &scene, &unit->memory, unit->words);
}

bool unit_read(struct unit *unit, int64_t now, int table, uint16_t address, int count, uint16_t values[]) {
    if (!image_covers(unit->image, table, address, count))
        return false;
    unit_live(unit, now);
    draw(unit);
    for (int i = 0; i < count; i++) {
        long index = image_index(unit->image, table, (uint16_t)(address + i));
        values[i] = index < 0 ? 0 : unit->words[index];
    }
    for (size_t i = 0; i < unit->pin_count; i++) {
        const struct unit_pin *pin = &unit->pin[i];
        if (pin->table == table && pin->address >= address && pin->address < address + count)
            values[pin->address - address] = pin->value;
    }
    return true;
}

int unit_table_of(const struct unit *unit, uint16_t address, int count) {
    if (image_covers(unit->image, unit->profile->table, address, count))
        return unit->profile->table;
    for (int table = TABLE_COIL; table <= TABLE_INPUT; table++)
        if (image_covers(unit->image, table, address, count))
            return table;
    return 0;
}

/* ---- faults ---- */

static enum world_stop stop_of(const struct fault_row *row, enum fault fault) {
    const struct fault_info *info = fault_info(fault);
    int entrapment = row->source.entrapment >= 0 ? row->source.entrapment : (int)info->entrapment;
    int severity = row->source.severity >= 0 ? row->source.severity : (int)info->severity;
    if (entrapment == TRAPPING_NO)
        return WORLD_GOES_ON;
    return severity == SEVERITY_CRITICAL ? WORLD_STOPS_AT_ONCE : WORLD_STOPS_AT_FLOOR;
}

static bool has_fault(const struct unit *unit, enum fault fault) {
    for (size_t i = 0; i < unit->code_count; i++)
        if (unit->code[i].fault == fault)
            return true;
    return unit->fault[fault];
}

/* Adds what the faults of one unit do to the car. */
static void add_restraint(const struct unit *unit, struct world_restraint *restraint) {
    restraint->doors_stay_closed |= has_fault(unit, FAULT_DOOR_OPEN_FAULT);
    restraint->doors_stay_open |= has_fault(unit, FAULT_DOOR_CLOSE_FAULT);
    for (size_t i = 0; i < unit->code_count; i++)
        if (unit->code[i].stop > restraint->stop)
            restraint->stop = unit->code[i].stop;
    for (int i = 0; i < FAULT_COUNT; i++) {
        if (!unit->fault[i])
            continue;
        size_t row = row_showing(unit->profile, (enum fault)i);
        enum world_stop stop = stop_of(&unit->profile->faults[row], (enum fault)i);
        if (stop > restraint->stop)
            restraint->stop = stop;
    }
}

static void restrain(struct unit_lift *lift) {
    struct world_restraint restraint = {.stop = WORLD_GOES_ON};
    for (const struct unit *unit = lift->first; unit; unit = unit->next)
        add_restraint(unit, &restraint);
    world_restrain(&lift->world, restraint);
}

static bool among(int64_t raw, const int64_t list[], size_t count) {
    for (size_t i = 0; i < count; i++)
        if (list[i] == raw)
            return true;
    return false;
}

static enum fault fault_of_code(const struct fault_row *row, int64_t raw) {
    for (size_t i = 0; i < row->code_count; i++)
        if (row->codes[i].raw == raw)
            return row->codes[i].fault;
    return FAULT_OTHER;
}

static int64_t highest_code(const struct fault_row *row) {
    int bits = row->place.bit_high - row->place.bit_low + 1;
    return row->place.type == RAW_BITS ? (INT64_C(1) << bits) - 1 : row->place.words > 1 ? INT32_MAX : UINT16_MAX;
}

/* A code that stands for the fault in that row; -1 none. A number that nobody has listed stands for "other". */
static int64_t code_of_fault(const struct fault_row *row, enum fault fault) {
    for (size_t i = 0; i < row->code_count; i++)
        if (row->codes[i].fault == fault)
            return row->codes[i].raw;
    if (fault != FAULT_OTHER)
        return -1;
    int64_t last = highest_code(row) < 999 ? highest_code(row) : 999;
    for (int64_t raw = last; raw > 0; raw--)
        if (!among(raw, row->none, row->none_count) && fault_of_code(row, raw) == FAULT_OTHER)
            return raw;
    return -1;
}

static void push_code(struct unit *unit, size_t row_number, int64_t raw) {
    const struct fault_row *row = &unit->profile->faults[row_number];
    struct unit_code code = {.row = row_number, .raw = raw, .fault = fault_of_code(row, raw)};
    if (code.fault != FAULT_COUNT && !among(raw, row->no_stop, row->no_stop_count))
        code.stop = stop_of(row, code.fault);
    size_t kept = 0;
    for (size_t i = 0; i < unit->code_count; i++) /* set again: it is the last one now */
        if (unit->code[i].row != row_number || unit->code[i].raw != raw)
            unit->code[kept++] = unit->code[i];
    if (kept == UNIT_CODES)
        memmove(&unit->code[0], &unit->code[1], --kept * sizeof unit->code[0]);
    unit->code[kept++] = code;
    unit->code_count = kept;
}

static void remove_codes(struct unit *unit, bool any, enum fault fault) {
    size_t kept = 0;
    for (size_t i = 0; i < unit->code_count; i++)
        if (!any && unit->code[i].fault != fault)
            unit->code[kept++] = unit->code[i];
    unit->code_count = kept;
}

static size_t next_code_row(const struct unit *unit, size_t from) {
    for (size_t i = from; i < unit->profile->fault_count; i++)
        if (unit->profile->faults[i].kind == FAULT_ROW_CODES)
            return i;
    return NONE;
}

/* A verb as one unit does it. What it is about stands in request. */
struct request {
    enum fault fault;
    bool on;
    int64_t number;
    struct value mode;
};
typedef const char *unit_verb(struct unit *unit, const struct request *request, bool only_ask);

/* Asks the unit itself, then the others of its lift; the answer is that of the unit itself if none can. */
static const char *do_somewhere(struct unit *unit, unit_verb *verb, const struct request *request, bool only_ask) {
    if (!verb(unit, request, true))
        return verb(unit, request, only_ask);
    for (struct unit *other = unit->lift->first; other; other = other->next)
        if (!verb(other, request, true))
            return verb(other, request, only_ask);
    return verb(unit, request, true);
}

static const char *set_fault(struct unit *unit, const struct request *request, bool only_ask) {
    enum fault fault = request->fault;
    size_t row = row_showing(unit->profile, fault);
    int64_t raw = -1;
    size_t code_row = next_code_row(unit, 0);
    while (row == NONE && code_row != NONE && (raw = code_of_fault(&unit->profile->faults[code_row], fault)) < 0)
        code_row = next_code_row(unit, code_row + 1);
    if (row == NONE && raw < 0)
        return refuse("%s has no fault %s", unit->profile->name, fault_info(fault)->id);
    if (only_ask)
        return NULL;
    if (row != NONE)
        unit->fault[fault] = request->on;
    else if (request->on && !has_fault(unit, fault))
        push_code(unit, code_row, raw);
    if (!request->on)
        remove_codes(unit, false, fault);
    restrain(unit->lift);
    return NULL;
}

const char *unit_set_fault(struct unit *unit, enum fault fault, bool on, bool only_ask) {
    return do_somewhere(unit, set_fault, &(struct request){.fault = fault, .on = on}, only_ask);
}

static const char *set_code(struct unit *unit, const struct request *request, bool only_ask) {
    int64_t raw = request->number;
    size_t row = next_code_row(unit, 0);
    if (row == NONE)
        return refuse("%s has no code register", unit->profile->name);
    if (raw > highest_code(&unit->profile->faults[row]))
        return refuse("the code register of %s holds 0..%d", unit->profile->name,
                      (int)highest_code(&unit->profile->faults[row]));
    if (only_ask)
        return NULL;
    if (among(raw, unit->profile->faults[row].none, unit->profile->faults[row].none_count))
        remove_codes(unit, true, FAULT_COUNT);
    else
        push_code(unit, row, raw);
    restrain(unit->lift);
    return NULL;
}

const char *unit_set_code(struct unit *unit, int64_t raw, bool only_ask) {
    return do_somewhere(unit, set_code, &(struct request){.number = raw}, only_ask);
}

/* ---- the lift ---- */

static const char *set_mode(struct unit *unit, const struct request *request, bool only_ask) {
    struct world *world = &unit->lift->world;
    struct value mode = request->mode;
    struct value before = world->mode;
    world->mode = mode;
    draw(unit);
    struct scene scene = {.item[ITEM_SERVICE_MODE] = mode};
    bool shown = image_shows(unit->image, &scene, unit->words, ITEM_SERVICE_MODE);
    world->mode = before;
    const char *word = item_word_of(ITEM_SERVICE_MODE, mode);
    if (!shown)
        return refuse("%s has no mode %s", unit->profile->name, word ? word : "unknown");
    if (!only_ask)
        world_set_mode(world, mode);
    return NULL;
}

const char *unit_set_mode(struct unit *unit, struct value mode, bool only_ask) {
    return do_somewhere(unit, set_mode, &(struct request){.mode = mode}, only_ask);
}

const char *unit_call(struct unit *unit, int64_t floor, bool only_ask) {
    if (floor < 1 || floor > WORLD_FLOORS)
        return refuse("floors are 1..%d", WORLD_FLOORS);
    struct world copy = unit->lift->world;
    struct world *world = only_ask ? &copy : &unit->lift->world;
    return world_call(world, (int)floor) ? NULL : refuse("unit %d takes no call now", unit->number);
}

static bool counts_rides(const struct profile *profile) {
    for (size_t i = 0; i < profile->value_count; i++)
        if (profile->values[i].slot == ITEM_RIDES_TOTAL)
            return true;
    return false;
}

static bool derives_rides(const struct profile *profile) {
    for (size_t i = 0; i < profile->rule_count; i++)
        if (profile->rules[i].slot == ITEM_RIDES_TOTAL)
            return true;
    return false;
}

const char *unit_ride(struct unit *unit, int64_t rides, bool only_ask) {
    if (only_ask)
        return NULL;
    bool counted = false;
    bool watched = false; /* somebody counts them from what he sees */
    for (const struct unit *other = unit->lift->first; other; other = other->next) {
        counted |= counts_rides(other->profile);
        watched |= derives_rides(other->profile);
    }
    if (counted && !watched)
        world_count_rides(&unit->lift->world, (unsigned)rides);
    else
        world_owe_rides(&unit->lift->world, (unsigned)rides);
    return NULL;
}

static const char *set_counter(struct unit *unit, const struct request *request, bool only_ask) {
    if (!counts_rides(unit->profile))
        return refuse("%s has no ride counter", unit->profile->name);
    if (!only_ask)
        unit->lift->world.rides = (uint64_t)request->number;
    return NULL;
}

const char *unit_set_counter(struct unit *unit, int64_t rides, bool only_ask) {
    return do_somewhere(unit, set_counter, &(struct request){.number = rides}, only_ask);
}

const char *unit_pin_register(struct unit *unit, uint16_t address, uint16_t value, bool only_ask) {
    int table = unit_table_of(unit, address, 1);
    if (!table)
        return refuse("%s has no register 0x%04X", unit->profile->name, address);
    size_t i = 0;
    while (i < unit->pin_count && (unit->pin[i].table != table || unit->pin[i].address != address))
        i++;
    if (i == UNIT_PINS)
        return refuse("only %d registers of a unit can be set", UNIT_PINS);
    if (only_ask)
        return NULL;
    if (table == TABLE_COIL || table == TABLE_DISCRETE)
        value = value != 0;
    unit->pin[i] = (struct unit_pin){.table = table, .address = address, .value = value};
    if (i == unit->pin_count)
        unit->pin_count++;
    return NULL;
}

void unit_hold(struct unit *unit, bool on) {
    unit->lift->held = on;
}

void unit_behave(struct unit *unit) {
    unit->misbehaviour = (struct misbehaviour){.silent = false};
    unit->pin_count = 0;
}
