/* `metrics_file`: the daemon's figures as Prometheus text, for node_exporter's textfile collector. */
#ifndef LIFTGW_DAEMON_METRICS_H
#define LIFTGW_DAEMON_METRICS_H

#include <jansson.h>

/* Writes the figures (the answer to `status`) to path: whole or not at all, readable by everybody. 0, or -1 with
 * errno. */
int metrics_write(const char *path, json_t *figures);

#endif
