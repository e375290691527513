/* Profiles written by a test: t.cfg in a directory of its own. */
#ifndef LIFTGW_TESTS_PROFILE_FIXTURE_H
#define LIFTGW_TESTS_PROFILE_FIXTURE_H

#include "profile/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Line 1 of each; what a test writes begins at line 2. */
#define PROFILE_HEAD "name = \"t\"; title = \"T\"; source = \"test\"; "
#define PROFILE_HOLDING PROFILE_HEAD "table = \"holding\";\n"

static char fixture_directory[] = "/tmp/liftgw-profile-XXXXXX";

static inline int fixture_begin(void **state) {
    (void)state;
    return mkdtemp(fixture_directory) ? 0 : -1;
}

static inline int fixture_end(void **state) {
    (void)state;
    return rmdir(fixture_directory);
}

/* Loads text as t.cfg; the file is gone afterwards. */
static inline struct profile *fixture_load(const char *text, struct problems *problems) {
    char path[128];
    snprintf(path, sizeof path, "%s/t.cfg", fixture_directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    struct profile *profile = profile_load(path, problems);
    unlink(path);
    return profile;
}

/* Loads a profile that has to be right, without a warning. */
static inline struct profile *fixture_good(const char *text) {
    struct problems *problems = problems_create();
    struct profile *profile = fixture_load(text, problems);
    problems_print(problems, stderr);
    assert_non_null(profile);
    assert_null(problems_text(problems, 0));
    problems_free(problems);
    return profile;
}

#endif
