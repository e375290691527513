/* A ledger.db of any content. It is opened, set aside or, if it is a newer version's, left as it is; what is read of it
 * is within its types; and at the latest the third start finds a good one. */
#include "base/text.h"
#include "fuzz.h"
#include "store/ledger.h"

#define LIFT "L-1"
#define TOPIC "p/lift/d/c/L-1/fault/overspeed"
#define OPENINGS_MAX 3

static struct ledger_settings settings = {.max_messages = 20, .history_days = 90};
static char path[128];

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    folder_make();
    settings.path = folder_path("ledger.db", path);
    return 0;
}

static void check_record(const struct lift_record *record) {
    assert(!record->service_mode.known || item_word_of(ITEM_SERVICE_MODE, record->service_mode));
    assert(record->online < 1 << LIFT_PARTS);
    for (int i = 0; i < FAULT_COUNT; i++) {
        const struct fault_record *fault = &record->fault[i];
        assert(fault->severity < SEVERITY_COUNT && fault->entrapment < TRAPPING_COUNT);
        assert(fault->suppressed <= SUPPRESSED_MAINTENANCE && fault->confidence <= CONFIDENCE_CONFIRMED);
        assert(fault->part < LIFT_PARTS && fault->table >= 0 && fault->table <= TABLE_INPUT);
        assert(memchr(fault->code_text, '\0', sizeof fault->code_text));
    }
}

static void use_lift(struct ledger *ledger) {
    struct lift_record record;
    if (ledger_lift_load(ledger, LIFT, &record) == 1) {
        check_record(&record);
        record.changed = true;
        record.faults_changed = (UINT32_C(1) << FAULT_COUNT) - 1;
        record.counters_changed = (UINT32_C(1) << COUNTER_COUNT) - 1;
        ledger_lift_save(ledger, LIFT, &record);
    }
    for (int period = 0; period < REPORT_PERIOD_COUNT; period++) {
        struct report report;
        if (ledger_report_load(ledger, LIFT, (enum report_period)period, &report) != 1)
            continue;
        assert(report_is_sound(&report));
        ledger_report_save(ledger, LIFT, (enum report_period)period, &report);
    }
    ledger_lifts_offline(ledger);
}

static int visit_topic(const char *owner, const char *topic, void *context) {
    (void)context;
    assert(owner && topic);
    return 0;
}

static void visit_dropped(void *context, const char *payload) {
    (void)context;
    assert(payload);
}

static void send_waiting(struct ledger *ledger) {
    static struct ledger_message message;
    uint64_t after = 0;
    for (int i = 0; i < 30 && ledger_waiting(ledger, after, &message) == 1; i++) {
        assert(message.seq > after && strlen(message.topic) < LEDGER_TOPIC_SIZE);
        assert(message.payload_size <= LEDGER_PAYLOAD_SIZE && message.payload[message.payload_size] == '\0');
        after = message.seq;
        if (i % 2)
            ledger_done(ledger, message.seq, INT64_C(1764000000000), INT64_C(1764000000001), i % 4 == 1);
    }
}

static void post(struct ledger *ledger) {
    uint64_t seq, n, from, to, count;
    if (ledger_begin(ledger) != 0)
        return;
    bool good = ledger_drop_oldest(ledger, 0, &from, &to, &count) == 0;
    if (good && count > 0) {
        assert(from <= to);
        good = ledger_each_dropped(ledger, TOPIC, from, to, visit_dropped, NULL) == 0;
    }
    good = good && ledger_number(ledger, TOPIC, &seq, &n) == 0;
    good = good && ledger_add(ledger, seq, TOPIC, true, "{}", INT64_C(1764000000000)) == 0;
    if (!good || ledger_commit(ledger) != 0)
        ledger_rollback(ledger);
    else
        assert(seq < ledger_next_seq(ledger));
}

static void use(struct ledger *ledger) {
    char text[64];
    struct ledger_depth depth;
    assert(strlen(ledger_series(ledger)) == LEDGER_SERIES_SIZE - 1 && ledger_next_seq(ledger) > 0);
    use_lift(ledger);
    if (ledger_fact_get(ledger, "alive", text, sizeof text) == 1)
        assert(memchr(text, '\0', sizeof text));
    ledger_fact_put(ledger, "alive", "1764000000000");
    ledger_retained_add(ledger, LIFT, TOPIC);
    ledger_retained_each(ledger, visit_topic, NULL);
    for (int i = 0; i < 3; i++)
        post(ledger);
    send_waiting(ledger);
    ledger_depth(ledger, &depth);
    ledger_prune(ledger, INT64_C(1764000000000));
}

static void check_left_alone(const uint8_t *data, size_t size) {
    uint8_t *kept = malloc(size + 1);
    FILE *file = fopen(path, "re");
    assert(file);
    size_t kept_size = fread(kept, 1, size + 1, file);
    fclose(file);
    assert(kept_size == size && memcmp(kept, data, size) == 0);
    free(kept);
}

/* What begins again with the same file every time never ends. */
static void check_starts(const uint8_t *data, size_t size) {
    enum ledger_opening opening = LEDGER_FAILED;
    for (int i = 0; i < OPENINGS_MAX; i++) {
        struct ledger *ledger = ledger_open(&settings, &opening);
        assert(opening != LEDGER_FAILED && (ledger || opening == LEDGER_NEWER));
        if (!ledger) {
            check_left_alone(data, size);
            return;
        }
        if (i == 0)
            use(ledger);
        ledger_close(ledger);
    }
    assert(opening == LEDGER_OPENED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const left_behind[] = {NULL, "ledger.db-wal"}; /* a run that ended well, and one that did not */
    for (size_t i = 0; i < COUNT_OF(left_behind); i++) {
        folder_empty();
        folder_write("ledger.db", data, size);
        if (left_behind[i])
            folder_write(left_behind[i], "", 0);
        check_starts(data, size);
    }
    return 0;
}
