/* Reads registers for a tool: off the line itself, or through the daemon while that holds the bus. */
#ifndef LIFTGW_CTL_READER_H
#define LIFTGW_CTL_READER_H

#include "ctl/command.h"
#include "modbus/line.h"

#include <jansson.h>

struct reader;

/* Opens a device, or if liftgwd has it, connects to that and says so. NULL after saying why and what to do; *status is
 * then the exit status. device must outlive it. The caller's to free. */
struct reader *reader_open(const struct context *context, const char *device, int *status);
void reader_free(struct reader *reader);

/* The daemon's entry of this bus in its status (name, cycle_ms, …); NULL: the line is ours. */
const json_t *reader_daemon(const struct reader *reader);

/* Sets the line; through the daemon nothing can be set, and nothing is. 0, or -1 after saying why; *status as above.
 * ENOTSUP in errno: this device does not do these settings, others may be fine; that is not said. */
int reader_set_line(struct reader *reader, int baud, enum parity parity, int stop_bits, int *status);

/* As line_read; LINE_GONE also if the daemon has ended or does not read. */
enum line_result reader_read(struct reader *reader, const struct line_request *request, struct line_reply *reply);

/* What the UART has counted since it was opened; false: this device cannot tell. */
struct reader_counts {
    int frame, parity, breaks;
};
bool reader_counts(const struct reader *reader, struct reader_counts *counts);

/* After LINE_GONE: says why there is nothing to read any more; the exit status for that. */
int reader_gone(const struct reader *reader);

/* The name in /dev/serial/by-id that leads to the same device, which no other adapter gets; device itself if there is
 * none. */
const char *reader_stable_name(const char *device, char *path, size_t size);
/* The one adapter in /dev/serial/by-id; NULL, after saying so, if there is none or more than one. Returns path. */
const char *reader_only_device(char *path, size_t size);

#endif
