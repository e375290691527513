/* Who a gateway and a lift are, as the configuration says. The strings belong to the settings; NULL: not given. */
#ifndef LIFTGW_MODEL_IDENTITY_H
#define LIFTGW_MODEL_IDENTITY_H

#include "model/vocabulary.h"

#include <stddef.h>

/* A city's numbers for our faults and events: config/codes/NAME.cfg. */
struct code_table {
    char name[64];
    char fault[FAULT_COUNT][16]; /* "" none */
    char mode[8][16];            /* by enum service_mode: the code for entering it */
    char passenger_alarm[16];
};

struct gateway_identity {
    const char *id, *prefix, *district, *compound;
    bool chinese; /* language of the texts */
    const struct code_table *codes;
};

struct unit_identity {
    int unit;
    const char *bus, *profile;
    bool verified;
};

struct lift_identity {
    const char *id, *name, *registration, *rescue_code, *address;
    const char *managed_by, *manager, *phone, *maintainer, *maintainer_phone;
    const char *const *labels; /* floor 1 is the first */
    size_t label_count;
    int floors;
    const struct unit_identity *units; /* one for each part */
    size_t unit_count;
};

#endif
