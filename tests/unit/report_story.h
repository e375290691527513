/* What a lift shows, told in words, for the tests of its reports: "online mode:normal car:running floor:3 +overspeed".
 *
 * "+ID" and "-ID" raise and clear a fault, "~ID" raises it in an inspection, "#ID" counts it once more; "rides:N" is
 * the published total; items stay until another word says otherwise. */
#ifndef LIFTGW_TESTS_REPORT_STORY_H
#define LIFTGW_TESTS_REPORT_STORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "model/period.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fault_record *fault_named(struct lift *lift, const char *id) {
    enum fault fault = fault_by_id(id);
    if (fault == FAULT_COUNT)
        fail_msg("there is no fault %s", id);
    return &lift->record.fault[fault];
}

static void raise_fault(struct lift *lift, const char *id, bool suppressed, struct instant at) {
    struct fault_record *fault = fault_named(lift, id);
    fault->active = true;
    fault->suppressed = suppressed ? SUPPRESSED_INSPECTION : SUPPRESSED_NOT;
    fault->entrapment = fault_info(fault_by_id(id))->entrapment;
    fault->raised_mono_ms = at.mono_ms;
    fault->raised_real_ms = at.real_ms;
    fault->count += !suppressed;
}

static void show_item(struct lift *lift, const char *word) {
    char name[32];
    size_t length = strcspn(word, ":");
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    enum item item = item_by_name(strcmp(name, "mode") == 0    ? "service_mode"
                                  : strcmp(name, "rides") == 0 ? "rides_total"
                                                               : name);
    const char *value = word + length + (word[length] == ':');
    if (item == ITEM_COUNT)
        fail_msg("a story says \"%s\"", word);
    if (item == ITEM_RIDES_TOTAL) {
        lift->record.counter[0].known = true;
        lift->record.counter[0].total = atoll(value);
        return;
    }
    int number = item_word(item, value);
    lift->item[item] = *value == '?' ? VALUE_UNKNOWN : VALUE(number >= 0 ? number : atoi(value));
}

static void lift_shows(struct lift *lift, const char *says, struct instant at) {
    char copy[256];
    char *rest = NULL;
    assert_true(text_copy(copy, sizeof copy, says));
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, "online") == 0)
            lift->link = LINK_ONLINE;
        else if (strcmp(word, "offline") == 0 || strcmp(word, "stalled") == 0)
            lift->link = word[0] == 'o' ? LINK_OFFLINE : LINK_STALLED;
        else if (word[0] == '+' || word[0] == '~')
            raise_fault(lift, word + 1, word[0] == '~', at);
        else if (word[0] == '-')
            fault_named(lift, word + 1)->active = false;
        else if (word[0] == '#')
            fault_named(lift, word + 1)->count++;
        else
            show_item(lift, word);
    }
}

#endif
