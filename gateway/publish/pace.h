/* How long to wait before the next attempt to connect. Pure: chance is handed in.
 *
 * Two things are weighed. One box alone wants to be back soon: what it has to say may be somebody shut in. A thousand
 * boxes that lost the same broker in the same moment must not come back in the same second: each would time out in the
 * queue of TLS handshakes and try again. So the first wait after a loss is spread evenly over PACE_SPREAD_MS; where
 * connecting fails, each wait is twice as long as the one before, less a random half. */
#ifndef LIFTGW_PUBLISH_PACE_H
#define LIFTGW_PUBLISH_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_SPREAD_MS 4000
#define PACE_FIRST_MS 1000
#define PACE_LAST_MS 60000
/* A connection that lasted so long was a good one: the next loss begins anew. */
#define PACE_GOOD_MS 10000
/* Two clients with one id throw each other out for ever, each for as long as the other waits; mosquitto 2.0 does not
 * say why it ends the older connection. So many in a row that lasted less than PACE_TWIN_MS look like that. */
#define PACE_TWIN_LOSSES 3
#define PACE_TWIN_MS (2 * (int64_t)PACE_LAST_MS)
/* Where the broker says so (MQTT 5, 0x8E) there is no doubt, and no use in going on at that pace. */
#define PACE_TAKEN_OVER_LAST_MS 900000

struct pace {
    int window_ms; /* the last wait was at most so long; 0: none since the last good connection */
    int short_in_a_row;
};

/* No broker took us: how long to wait, in ms. random: 32 random bits. */
int64_t pace_after_failure(struct pace *pace, uint32_t random);
/* A connection that had lasted so long is gone; taken_over: the broker says, to another client with our id. As above.
 */
int64_t pace_after_loss(struct pace *pace, int64_t lasted_ms, bool taken_over, uint32_t random);
/* True while it looks as if another client had our id. */
bool pace_suspects_twin(const struct pace *pace);

#endif
