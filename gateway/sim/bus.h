/* The bus with its units: takes requests off the wire, puts replies on it, and counts. */
#ifndef LIFTGW_SIM_BUS_H
#define LIFTGW_SIM_BUS_H

#include "sim/pty.h"
#include "sim/unit.h"
#include "sim/wire.h"

#define BUS_UNITS 247

struct bus_counts {
    uint64_t requests, replies; /* good request frames, to whomever; replies sent, wrong ones too */
    uint64_t short_silence, bad_crc, writes;
};

struct bus {
    struct wire *wire;
    struct pty *pty;
    struct unit *unit[BUS_UNITS + 1]; /* by number; NULL: nobody */
    struct random random;
    int noise; /* percent of the requests that noise follows */
    bool babbling;
    int64_t babble_ns; /* the next of it */
    struct bus_counts counts;
};

/* The master wrote something. */
void bus_receive(struct bus *bus, int64_t now);
/* Does everything that is due. */
void bus_run(struct bus *bus, int64_t now);
/* When bus_run has something to do again; INT64_MAX never. */
int64_t bus_due(const struct bus *bus);

/* A transmitter that never ends: nobody else is heard meanwhile. */
void bus_babble(struct bus *bus, bool on, int64_t now);
/* The adapter is pulled out: what is on its way is lost. */
void bus_unplug(struct bus *bus);

#endif
