/* Whatever the registers of a unit hold: every shipped profile makes values of it that are within their types.
 *
 * Input: the profile, an option of a part (bits 0..1: unused, invert, without or none; the rest: which item), rounds.
 */
#include "samples.h"

#define PROFILES_MAX 64

static struct profile *profiles[PROFILES_MAX];
static size_t profile_count;
static struct conf *anywhere; /* where problems with options are shown */

static int compare_names(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_profile(const struct dirent *entry) {
    const char *suffix = strrchr(entry->d_name, '.');
    return suffix && strcmp(suffix, ".cfg") == 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    struct dirent **entries;
    int count = scandir(SOURCE_DIR "/config/profiles", &entries, is_profile, compare_names);
    assert(count > 0 && count <= PROFILES_MAX);
    struct problems *problems = problems_create();
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/config/profiles/%s", SOURCE_DIR, entries[i]->d_name);
        profiles[profile_count] = profile_load(path, problems);
        assert(profiles[profile_count]);
        profile_count++;
        free(entries[i]);
    }
    free(entries);
    folder_make();
    folder_write_text("any.cfg", "any = 1;\n");
    char path[128];
    anywhere = conf_open(folder_path("any.cfg", path), problems);
    problems_free(problems);
    return 0;
}

/* True if a configuration could say it of that profile. */
static bool is_allowed(const struct profile *profile, const struct part_options *options) {
    struct problems *problems = problems_create();
    profile_check_options(profile, options, conf_root(anywhere), problems);
    bool allowed = problems_count(problems, PROBLEM_ERROR) == 0;
    problems_free(problems);
    return allowed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    const struct profile *profile = profiles[input_byte(&input) % profile_count];
    unsigned choice = input_byte(&input);
    const char *names[] = {profile->slot_names[(choice >> 2) % profile->slot_count], NULL};
    struct part_options options = {.unused = (choice & 3) == 0 ? names : NULL,
                                   .invert = (choice & 3) == 1 ? names : NULL,
                                   .without = (choice & 3) == 2 ? names : NULL};
    decode_rounds(profile, is_allowed(profile, &options) ? &options : NULL, &input);
    return 0;
}
