#include "modbus/queue.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct queue {
    const struct bus_unit *units;
    size_t capacity, first, count;
    struct reading *slots; /* each with room for the largest image */
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
                            .slots = memory_get(capacity, sizeof(struct reading)),
                            .images = memory_get(capacity * words, sizeof(uint16_t)),
                            .valids = memory_get(capacity * reads, sizeof(bool))};
    for (size_t i = 0; i < capacity; i++) {
        queue->slots[i].image = queue->images + i * words;
        queue->slots[i].valid = queue->valids + i * reads;
    }
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

/* All of from, and its image to where to keeps its own. */
static void copy_reading(const struct queue *queue, struct reading *to, const struct reading *from) {
    uint16_t *image = to->image;
    bool *valid = to->valid;
    *to = *from;
    to->image = image;
    to->valid = valid;
    if (from->kind != READING_POLL)
        return;
    const struct plan *plan = queue->units[from->unit].plan;
    memcpy(image, from->image, plan->image_size * sizeof *image);
    memcpy(valid, from->valid, plan->read_count * sizeof *valid);
}

static struct reading *slot_at(const struct queue *queue, size_t i) {
    return &queue->slots[(queue->first + i) % queue->capacity];
}

bool queue_push(struct queue *queue, const struct reading *reading) {
    if (queue->count == queue->capacity)
        return false;
    copy_reading(queue, slot_at(queue, queue->count++), reading);
    return true;
}

bool queue_replace(struct queue *queue, const struct reading *reading) {
    for (size_t i = queue->count; i-- > 0;) {
        struct reading *slot = slot_at(queue, i);
        if (slot->kind == READING_ANSWER || slot->unit != reading->unit)
            continue;
        if (slot->kind != READING_POLL)
            return false;
        struct instant at = slot->at;
        copy_reading(queue, slot, reading);
        slot->at = at;
        return true;
    }
    return false;
}

bool queue_pop(struct queue *queue, struct reading *reading) {
    if (queue->count == 0)
        return false;
    copy_reading(queue, reading, slot_at(queue, 0));
    queue->first = (queue->first + 1) % queue->capacity;
    queue->count--;
    return true;
}
