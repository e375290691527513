/* Profile files: what is accepted can be planned and decoded, and is accepted again as the same. */
#include "samples.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    folder_make();
    folder_link("config/profiles/monarch-head.inc", "monarch-head.inc");
    folder_link("config/profiles/monarch-values.inc", "monarch-values.inc");
    folder_link("config/profiles/monarch-faults.inc", "monarch-faults.inc");
    return 0;
}

static void check_problems(const struct problems *problems) {
    const char *text;
    for (size_t i = 0; (text = problems_text(problems, i)); i++)
        assert(text[0] && text_is_utf8(text, strlen(text)));
}

static void decode_extremes(const struct profile *profile) {
    static uint8_t ones[4096];
    memset(ones, 0xFF, sizeof ones);
    ones[0] = ones[1] = ones[2] = 0;
    struct input nothing = {NULL, 0}, all = {ones, sizeof ones};
    decode_rounds(profile, NULL, &nothing);
    decode_rounds(profile, NULL, &all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[128];
    folder_write("profile.cfg", data, size);
    struct problems *problems = problems_create();
    struct profile *profile = profile_load(folder_path("profile.cfg", path), problems);
    check_problems(problems);
    assert((profile == NULL) == (problems_count(problems, PROBLEM_ERROR) > 0));
    if (profile) {
        struct problems *again = problems_create();
        struct profile *same = profile_load(path, again);
        assert(same && same->hash == profile->hash);
        profile_free(same);
        problems_free(again);
        decode_extremes(profile);
    }
    profile_free(profile);
    problems_free(problems);
    return 0;
}
