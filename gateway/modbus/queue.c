#include "modbus/queue.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* A reading without its image, as small as it goes: there are many. */
struct slot {
    struct instant at;
    int64_t last_good_real_ms;
    uint32_t unit;
    enum reading_kind kind : 8;
    enum link link : 8;
    enum link_reason reason : 8;
};

struct queue {
    const struct bus_unit *units;
    size_t capacity, first, count;
    size_t image_size, read_count; /* of the largest plan */
    struct slot *slots;
    uint16_t *images;
    bool *valids;
};

struct queue *queue_create(size_t capacity, const struct bus_unit units[], size_t unit_count) {
    size_t words = 0;
    size_t reads = 0;
    for (size_t i = 0; i < unit_count; i++) {
        words = units[i].plan->image_size > words ? units[i].plan->image_size : words;
        reads = units[i].plan->read_count > reads ? units[i].plan->read_count : reads;
    }
    struct queue *queue = memory_get(1, sizeof *queue);
    *queue = (struct queue){.units = units,
                            .capacity = capacity,
                            .image_size = words,
                            .read_count = reads,
                            .slots = memory_get(capacity, sizeof(struct slot)),
                            .images = memory_get(capacity * words, sizeof(uint16_t)),
                            .valids = memory_get(capacity * reads, sizeof(bool))};
    return queue;
}

void queue_free(struct queue *queue) {
    if (!queue)
        return;
    free(queue->slots);
    free(queue->images);
    free(queue->valids);
    free(queue);
}

bool queue_is_empty(const struct queue *queue) {
    return queue->count == 0;
}

/* The i-th slot from the oldest. */
static size_t slot_at(const struct queue *queue, size_t i) {
    return (queue->first + i) % queue->capacity;
}

static void copy_image(const struct queue *queue, size_t unit, uint16_t to_image[], bool to_valid[],
                       const uint16_t image[], const bool valid[]) {
    const struct plan *plan = queue->units[unit].plan;
    memcpy(to_image, image, plan->image_size * sizeof *image);
    memcpy(to_valid, valid, plan->read_count * sizeof *valid);
}

static void put_image(struct queue *queue, size_t slot, const struct reading *reading) {
    copy_image(queue, reading->unit, &queue->images[slot * queue->image_size], &queue->valids[slot * queue->read_count],
               reading->image, reading->valid);
}

bool queue_push(struct queue *queue, const struct reading *reading) {
    if (queue->count == queue->capacity)
        return false;
    size_t slot = slot_at(queue, queue->count++);
    queue->slots[slot] = (struct slot){.at = reading->at,
                                       .last_good_real_ms = reading->last_good_real_ms,
                                       .unit = (uint32_t)reading->unit,
                                       .kind = reading->kind,
                                       .link = reading->link,
                                       .reason = reading->reason};
    if (reading->kind == READING_POLL)
        put_image(queue, slot, reading);
    return true;
}

bool queue_replace(struct queue *queue, const struct reading *reading) {
    for (size_t i = queue->count; i-- > 0;) {
        size_t slot = slot_at(queue, i);
        if (queue->slots[slot].unit != reading->unit)
            continue;
        if (queue->slots[slot].kind != READING_POLL)
            return false;
        put_image(queue, slot, reading);
        return true;
    }
    return false;
}

bool queue_pop(struct queue *queue, struct reading *reading) {
    if (queue->count == 0)
        return false;
    size_t oldest = slot_at(queue, 0);
    const struct slot *slot = &queue->slots[oldest];
    reading->kind = slot->kind;
    reading->unit = slot->unit;
    reading->at = slot->at;
    reading->link = slot->link;
    reading->reason = slot->reason;
    reading->last_good_real_ms = slot->last_good_real_ms;
    if (slot->kind == READING_POLL)
        copy_image(queue, slot->unit, reading->image, reading->valid, &queue->images[oldest * queue->image_size],
                   &queue->valids[oldest * queue->read_count]);
    queue->first = (queue->first + 1) % queue->capacity;
    queue->count--;
    return true;
}
