#include "sim/bus.h"

#include "base/clock.h"

#define EXCEPTION_FUNCTION 1
#define EXCEPTION_ADDRESS 2
#define EXCEPTION_VALUE 3
#define REGISTERS_MAX 125 /* Modbus application protocol 1.1b3, 6.3 */
#define BITS_MAX 2000     /* 6.1 */
#define NOISE_MAX 4
#define TWICE_MS 5.0
#define BABBLE_MS 5.0

static bool is_bits(int table) {
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

static bool is_read(int function) {
    return function >= TABLE_COIL && function <= TABLE_INPUT;
}

/* The monarch dialect has one error frame: `01 80 01 00 0e CRC` (domain.md 5, trap 6). */
static void make_exception(const struct unit *unit, int function, int code, struct frame *reply) {
    *reply = (struct frame){.count = 0};
    frame_append(reply, (uint8_t)unit->number);
    if (unit->profile->dialect == DIALECT_MONARCH) {
        frame_append(reply, 0x80);
        frame_append(reply, 0x01);
        frame_append(reply, 0x00);
        frame_append(reply, 0x0E);
    } else {
        frame_append(reply, (uint8_t)(function | 0x80));
        frame_append(reply, (uint8_t)code);
    }
    frame_append_crc(reply);
}

static void append_values(int table, const uint16_t values[], int count, struct frame *reply) {
    if (!is_bits(table)) {
        for (int i = 0; i < count; i++) {
            frame_append(reply, (uint8_t)(values[i] >> 8));
            frame_append(reply, (uint8_t)values[i]);
        }
        return;
    }
    for (int i = 0; i < count; i += 8) {
        uint8_t packed = 0;
        for (int bit = 0; bit < 8 && i + bit < count; bit++)
            packed |= (uint8_t)((values[i + bit] & 1) << bit);
        frame_append(reply, packed);
    }
}

/* What a well-behaved controller answers. */
static void make_reply(struct unit *unit, const struct wire_request *request, struct frame *reply) {
    uint16_t values[BITS_MAX];
    int table = request->bytes[1];
    if (!is_read(table) || !image_has_table(unit->image, table)) {
        make_exception(unit, table, EXCEPTION_FUNCTION, reply);
        return;
    }
    uint16_t address = (uint16_t)(request->bytes[2] << 8 | request->bytes[3]);
    int count = request->bytes[4] << 8 | request->bytes[5];
    int registers = unit->profile->max_registers < REGISTERS_MAX ? unit->profile->max_registers : REGISTERS_MAX;
    if (count < 1 || count > (is_bits(table) ? BITS_MAX : registers)) {
        make_exception(unit, table, EXCEPTION_VALUE, reply);
        return;
    }
    if (!unit_read(unit, request->end_ns, table, address, count, values)) {
        make_exception(unit, table, EXCEPTION_ADDRESS, reply);
        return;
    }
    int bytes = is_bits(table) ? (count + 7) / 8 : 2 * count;
    *reply = (struct frame){.count = 0};
    frame_append(reply, (uint8_t)unit->number);
    frame_append(reply, (uint8_t)table);
    if (unit->profile->dialect == DIALECT_MONARCH) /* a byte count of 16 bits */
        frame_append(reply, (uint8_t)(bytes >> 8));
    frame_append(reply, (uint8_t)bytes);
    append_values(table, values, count, reply);
    frame_append_crc(reply);
}

static void make_noise(struct bus *bus, int64_t after, int64_t before) {
    if (!random_percent(&bus->random, bus->noise))
        return;
    uint8_t bytes[NOISE_MAX];
    int count = (int)random_between(&bus->random, 1, NOISE_MAX);
    random_fill(&bus->random, bytes, count);
    wire_disturb(bus->wire, bytes, count, after + (before - after) / 2);
}

static void answer(struct bus *bus, struct unit *unit, const struct wire_request *request, bool agreed) {
    const struct misbehaviour *misbehaviour = &unit->misbehaviour;
    int64_t start = wire_reply_start(bus->wire, request->end_ns) + wire_ms(bus->wire, misbehaviour->late_ms);
    struct frame reply;
    make_reply(unit, request, &reply);
    if (random_percent(&unit->random, misbehaviour->exception_percent))
        make_exception(unit, request->bytes[1], misbehaviour->exception, &reply);
    if (agreed)
        misbehave(misbehaviour, &unit->random, &reply);
    else
        misbehave_garble(&unit->random, &reply);
    if (misbehaviour->echo)
        wire_disturb(bus->wire, request->bytes, request->count, request->end_ns);
    int64_t drip = wire_ms(bus->wire, misbehaviour->drip_ms);
    wire_send(bus->wire, &reply, start, drip);
    if (random_percent(&unit->random, misbehaviour->twice))
        wire_send(bus->wire, &reply,
                  start + wire_characters(bus->wire, reply.count) + reply.count * drip + wire_ms(bus->wire, TWICE_MS),
                  drip);
    bus->counts.replies += agreed;
}

static void take_request(struct bus *bus, const struct wire_request *request) {
    bool agreed = pty_settings_agree(bus->pty);
    bus->counts.short_silence += request->short_silence;
    bus->counts.writes += !is_read(request->bytes[1]);
    bus->counts.requests += agreed;
    bus->counts.bad_crc += !agreed;
    make_noise(bus, request->end_ns, wire_reply_start(bus->wire, request->end_ns));
    int number = request->bytes[0];
    struct unit *unit = number <= BUS_UNITS ? bus->unit[number] : NULL;
    if (unit && !unit->misbehaviour.silent && !bus->babbling)
        answer(bus, unit, request, agreed);
}

void bus_receive(struct bus *bus, int64_t now) {
    uint8_t bytes[512];
    size_t count;
    while ((count = pty_read(bus->pty, bytes, sizeof bytes)) > 0)
        wire_receive(bus->wire, bytes, count, now);
}

static void babble(struct bus *bus, int64_t now) {
    int64_t period = wire_ms(bus->wire, BABBLE_MS);
    uint8_t bytes[FRAME_MAX];
    while (bus->babbling && bus->babble_ns <= now) {
        int count = (int)(period / wire_characters(bus->wire, 1));
        count = count < 1 ? 1 : count > FRAME_MAX ? FRAME_MAX : count;
        random_fill(&bus->random, bytes, count);
        wire_disturb(bus->wire, bytes, count, bus->babble_ns);
        int64_t took = wire_characters(bus->wire, count);
        bus->babble_ns += took > period ? took : period;
    }
}

static void transmit(struct bus *bus) {
    uint8_t bytes[4 * FRAME_MAX];
    size_t count;
    while ((count = wire_take(bus->wire, clock_mono_ns(), bytes, sizeof bytes)) > 0)
        pty_write(bus->pty, bytes, count);
}

void bus_run(struct bus *bus, int64_t now) {
    struct wire_request request;
    enum wire_event event;
    while ((event = wire_next(bus->wire, now, &request)) != WIRE_NOTHING) {
        if (event == WIRE_REQUEST)
            take_request(bus, &request);
        else
            bus->counts.bad_crc++;
    }
    babble(bus, now);
    transmit(bus);
}

int64_t bus_due(const struct bus *bus) {
    int64_t due = wire_due(bus->wire);
    return bus->babbling && bus->babble_ns < due ? bus->babble_ns : due;
}

void bus_babble(struct bus *bus, bool on, int64_t now) {
    if (on && !bus->babbling) {
        wire_clear(bus->wire);
        bus->babble_ns = now;
    }
    bus->babbling = on;
}

void bus_unplug(struct bus *bus) {
    pty_unplug(bus->pty);
    wire_clear(bus->wire);
}
