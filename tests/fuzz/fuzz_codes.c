/* Code tables: what is accepted fits its places and the messages. */
#include "base/text.h"
#include "fuzz.h"
#include "settings/settings.h"

static const char configuration[] =
    "gateway: { id = \"B\"; prefix = \"p\"; district = \"d\"; compound = \"c\"; code_system = \"city\";"
    " timezone = \"UTC\"; profile_dirs = (\".\"); codes_dirs = (\".\"); };\n"
    "broker: { urls = (\"mqtts://broker.example\"); };\n"
    "buses: ( { name = \"b\"; device = \"/dev/null\";"
    " lifts: ( { id = \"L\"; unit = 1; profile = \"small\"; } ); } );\n";

static const char profile[] =
    "name = \"small\"; title = \"T\"; source = \"S\"; table = \"holding\"; line: { baud = 9600; };\n"
    "faults: ( { fault = \"overspeed\"; address = 0; bit = 0; } );\n";

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    folder_make();
    folder_write_text("small.cfg", profile);
    folder_write_text("liftgw.cfg", configuration);
    return 0;
}

static void check_code(const char *code, size_t size) {
    assert(memchr(code, '\0', size) && text_is_utf8(code, strlen(code)) && !strpbrk(code, "\"\\\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[128];
    folder_write("city.cfg", data, size);
    struct problems *problems = problems_create();
    struct settings *settings = settings_load(folder_path("liftgw.cfg", path), problems);
    assert((settings == NULL) == (problems_count(problems, PROBLEM_ERROR) > 0));
    if (settings) {
        const struct code_table *codes = &settings->codes;
        assert(strcmp(codes->name, "city") == 0);
        for (size_t i = 0; i < COUNT_OF(codes->fault); i++)
            check_code(codes->fault[i], sizeof codes->fault[i]);
        for (size_t i = 0; i < COUNT_OF(codes->mode); i++)
            check_code(codes->mode[i], sizeof codes->mode[i]);
        check_code(codes->passenger_alarm, sizeof codes->passenger_alarm);
    }
    settings_free(settings);
    problems_free(problems);
    return 0;
}
