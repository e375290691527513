/* Readings on their way from a bus thread to the main thread: a ring of fixed size. It has no lock of its own. */
#ifndef LIFTGW_MODBUS_QUEUE_H
#define LIFTGW_MODBUS_QUEUE_H

#include "modbus/bus.h"

struct queue;

/* Room for capacity readings of any of these units. */
struct queue *queue_create(size_t capacity, const struct bus_unit units[], size_t unit_count);
void queue_free(struct queue *queue);
bool queue_is_empty(const struct queue *queue);

/* Copies a reading of a unit (no READING_ANSWER) in, with its image. False: full. */
bool queue_push(struct queue *queue, const struct reading *reading);

/* Puts the image into the newest reading of that unit, if both are READING_POLL; its time stays that of what it told
 * first. False: there is none. */
bool queue_replace(struct queue *queue, const struct reading *reading);

/* Takes the oldest; its image goes where reading->image and reading->valid point to. False: empty. */
bool queue_pop(struct queue *queue, struct reading *reading);

#endif
