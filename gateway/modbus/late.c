#include "modbus/late.h"

#include "base/memory.h"

#include <stdlib.h>

struct entry {
    struct line_request question;
    int64_t until_ns;  /* in the past: free */
    int64_t wanted_ns; /* since when another question waits for this to lapse; 0: none does */
};

struct late {
    size_t capacity;
    int64_t window_ns;
    struct entry entry[];
};

struct late *late_create(size_t capacity, int64_t window_ns) {
    struct late *late = memory_get(1, sizeof *late + capacity * sizeof late->entry[0]);
    late->capacity = capacity;
    late->window_ns = window_ns;
    return late;
}

void late_free(struct late *late) {
    free(late);
}

bool question_same(const struct line_request *a, const struct line_request *b) {
    return a->unit == b->unit && a->table == b->table && a->address == b->address && a->count == b->count;
}

bool question_alike(const struct line_request *a, const struct line_request *b) {
    return a->unit == b->unit && a->table == b->table && !question_same(a, b) &&
           line_reply_characters(a->table, a->count, a->dialect) ==
               line_reply_characters(b->table, b->count, b->dialect);
}

int64_t late_ask_ns(struct late *late, const struct line_request *question, int64_t now_ns) {
    int64_t ask_ns = now_ns;
    for (size_t i = 0; i < late->capacity; i++) {
        struct entry *entry = &late->entry[i];
        if (entry->until_ns <= now_ns)
            continue;
        bool alike = question_alike(&entry->question, question);
        if (alike && entry->wanted_ns == 0)
            entry->wanted_ns = now_ns;
        bool gives_way = question_same(&entry->question, question) && entry->wanted_ns != 0 &&
                         now_ns - entry->wanted_ns >= late->window_ns;
        if ((alike || gives_way) && entry->until_ns > ask_ns)
            ask_ns = entry->until_ns;
    }
    return ask_ns;
}

/* The question's entry if it is waited for, else one that is free, else NULL. */
static struct entry *find(struct late *late, const struct line_request *question, int64_t now_ns) {
    struct entry *free_one = NULL;
    for (size_t i = 0; i < late->capacity; i++) {
        struct entry *entry = &late->entry[i];
        if (entry->until_ns <= now_ns)
            free_one = entry;
        else if (question_same(&entry->question, question))
            return entry;
    }
    return free_one;
}

bool late_has_room(const struct late *late, int64_t now_ns) {
    for (size_t i = 0; i < late->capacity; i++)
        if (late->entry[i].until_ns <= now_ns)
            return true;
    return false;
}

void late_failed(struct late *late, const struct line_request *question, int64_t now_ns) {
    struct entry *entry = find(late, question, now_ns);
    if (!entry)
        return;
    if (entry->until_ns <= now_ns)
        *entry = (struct entry){.question = *question};
    entry->until_ns = now_ns + late->window_ns;
}

void late_answered(struct late *late, const struct line_request *question, int64_t now_ns) {
    struct entry *entry = find(late, question, now_ns);
    if (entry && entry->until_ns > now_ns)
        entry->until_ns = now_ns + late->window_ns;
}

bool late_exception_doubtful(const struct late *late, const struct line_request *question, int64_t now_ns) {
    for (size_t i = 0; i < late->capacity; i++) {
        const struct entry *entry = &late->entry[i];
        if (entry->until_ns > now_ns && entry->question.unit == question->unit &&
            entry->question.table == question->table && !question_same(&entry->question, question))
            return true;
    }
    return false;
}
