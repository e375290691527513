/* Configuration files, with the shipped profiles and code tables beside them: what is accepted keeps to the ranges of
 * its options, and every problem is a line that can be read. */
#include "base/text.h"
#include "fuzz.h"
#include "settings/options.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    folder_make();
    folder_link("config/profiles", "profiles");
    folder_link("config/codes", "codes");
    folder_write_text("password", "secret\n");
    return 0;
}

static void check_problems(const struct problems *problems) {
    const char *text;
    for (size_t i = 0; (text = problems_text(problems, i)); i++)
        assert(text[0] && text_is_utf8(text, strlen(text)));
}

/* The numbers of a section, if it was read into memory as it is. */
static void check_numbers(const char *section, const void *read) {
    size_t count;
    const struct option *options = settings_options(&count);
    for (size_t i = 0; i < count; i++) {
        const struct option *option = &options[i];
        if (strcmp(option->section, section) != 0 || option->type != OPTION_NUMBER)
            continue;
        int number = *(const int *)(const void *)((const char *)read + option->offset);
        assert(number >= option->min && number <= option->max);
    }
}

static void check_lift(const struct settings *settings, size_t number) {
    const struct lift_settings *lift = &settings->lifts[number];
    assert(text_is_topic_level(lift->identity.id));
    assert(lift->part_count >= 1 && lift->part_count <= LIFT_PARTS);
    for (size_t other = 0; other < number; other++)
        assert(strcmp(settings->lifts[other].identity.id, lift->identity.id) != 0);
    for (size_t p = 0; p < lift->part_count; p++) {
        const struct part_settings *part = &lift->part[p];
        assert(part->unit >= 1 && part->unit <= 247);
        assert(part->bus < settings->bus_count && part->profile < settings->profile_count);
        struct plan *plan = plan_create(settings->profiles[part->profile], &part->options);
        plan_free(plan);
    }
}

static void check_settings(const struct settings *settings) {
    const struct gateway_settings *gateway = &settings->gateway;
    assert(text_is_topic_level(gateway->id) && text_is_topic_level(gateway->district) &&
           text_is_topic_level(gateway->compound));
    check_numbers("broker", &settings->broker);
    for (size_t i = 0; i < settings->bus_count; i++)
        check_numbers("bus", &settings->buses[i]);
    for (size_t i = 0; i < settings->lift_count; i++)
        check_lift(settings, i);
    assert(settings->broker.urls && settings->broker.urls[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[128];
    folder_write("liftgw.cfg", data, size);
    struct problems *problems = problems_create();
    struct settings *settings = settings_load(folder_path("liftgw.cfg", path), problems);
    check_problems(problems);
    assert((settings == NULL) == (problems_count(problems, PROBLEM_ERROR) > 0));
    if (settings)
        check_settings(settings);
    settings_free(settings);
    problems_free(problems);
    return 0;
}
