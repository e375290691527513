#include "sim/options.h"

#include "base/build.h"
#include "base/log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define DEFAULT_PROFILE "generic-ba"
#define DEFAULT_TURNAROUND_MS 5
#define TURNAROUND_MAX_MS 10000
#define SPEED_MIN 0.01
#define SPEED_MAX 1000

static const char help[] = "Usage: liftgw-sim --link PATH [OPTION]...\n"
                           "Lifts that really ride, on a simulated RS-485 bus at PATH, in real wire time.\n"
                           "\n"
                           "  --link PATH          where the serial device appears (a symbolic link)\n"
                           "  --lifts N            units 1..N, all with the same profile (default 1)\n"
                           "  --profile NAME       their profile (default " DEFAULT_PROFILE ")\n"
                           "  --unit N=PROFILE[@M] instead of both, for each unit; @M: shows unit M's lift\n"
                           "  --profile-dir DIR    look for profiles here, and nowhere else; may be repeated\n"
                           "  --baud B  --parity none|even|odd  --stop-bits 1|2\n"
                           "                       line settings (default: those of the first profile)\n"
                           "  --turnaround-ms T    between a request and its reply (default 5)\n"
                           "  --bytewise           each byte of a reply arrives by itself\n"
                           "  --speed X            wire, lifts and scenario run X times as fast\n"
                           "  --seed S             other passengers, other accidents (default 1)\n"
                           "  --control SOCK       listen for commands at this socket\n"
                           "  --scenario FILE      do what this file says, when it says so\n"
                           "  --help               this text\n"
                           "\n"
                           "Commands, one a line, for example: unit 1 fault door_open_fault on; unit 1\n"
                           "trapped; unit * crc 20%; unplug; plug; get unit 1 0x40:7; stats; quit\n";

enum {
    LINK = 1,
    LIFTS,
    PROFILE,
    UNIT,
    PROFILE_DIR,
    BAUD,
    PARITY,
    STOP_BITS,
    TURNAROUND,
    BYTEWISE,
    SPEED,
    SEED,
    CONTROL,
    SCENARIO,
    HELP
};

static const struct option long_options[] = {
    {"link", required_argument, NULL, LINK},
    {"lifts", required_argument, NULL, LIFTS},
    {"profile", required_argument, NULL, PROFILE},
    {"unit", required_argument, NULL, UNIT},
    {"profile-dir", required_argument, NULL, PROFILE_DIR},
    {"baud", required_argument, NULL, BAUD},
    {"parity", required_argument, NULL, PARITY},
    {"stop-bits", required_argument, NULL, STOP_BITS},
    {"turnaround-ms", required_argument, NULL, TURNAROUND},
    {"bytewise", no_argument, NULL, BYTEWISE},
    {"speed", required_argument, NULL, SPEED},
    {"seed", required_argument, NULL, SEED},
    {"control", required_argument, NULL, CONTROL},
    {"scenario", required_argument, NULL, SCENARIO},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

/* What was said about units, until all of it is known. */
struct said {
    int lifts;
    const char *profile;
};

static bool whole(const char *text, int64_t low, int64_t high, int64_t *number) {
    char *end;
    if (!text[0] || strspn(text, "0123456789") != strlen(text) || strlen(text) > 18)
        return false;
    *number = strtoll(text, &end, 10);
    return *number >= low && *number <= high;
}

static bool decimal(const char *text, double low, double high, double *number) {
    char *end;
    if (!text[0] || strspn(text, "0123456789.") != strlen(text))
        return false;
    *number = strtod(text, &end);
    return !*end && *number >= low && *number <= high;
}

static bool refuse(const char *option, const char *text, const char *right) {
    log_error("--%s %s: must be %s", option, text, right);
    return false;
}

static bool is_profile_name(const char *name) {
    return name[0] && name[0] != '.' && !strchr(name, '/');
}

static bool take_unit(struct options *options, char *text) {
    int64_t number;
    int64_t other = 0;
    char *equals = strchr(text, '=');
    if (!equals)
        return refuse("unit", text, "N=PROFILE or N=PROFILE@M");
    *equals = '\0';
    bool right = whole(text, 1, BUS_UNITS, &number);
    *equals = '=';
    char *at = strrchr(equals, '@');
    right = right && (!at || whole(at + 1, 1, BUS_UNITS, &other));
    if (right && at)
        *at = '\0';
    if (!right || !is_profile_name(equals + 1))
        return refuse("unit", text, "N=PROFILE or N=PROFILE@M with units 1..247 and the name of a profile");
    if (options->profile[number])
        return refuse("unit", text, "given once for each N");
    options->profile[number] = equals + 1;
    options->same_lift[number] = (int)other;
    options->unit_count++;
    return true;
}

/* none, even, odd, or N, E, O as in 8N1. */
static bool take_parity(struct options *options, const char *text) {
    options->parity = parity_by_name(text);
    if (options->parity == PARITY_UNSET && strlen(text) == 1)
        options->parity = !strcasecmp(text, "n")   ? PARITY_NONE
                          : !strcasecmp(text, "e") ? PARITY_EVEN
                          : !strcasecmp(text, "o") ? PARITY_ODD
                                                   : PARITY_UNSET;
    return options->parity != PARITY_UNSET || refuse("parity", text, "none, even or odd");
}

static bool take_directory(struct options *options, const char *text) {
    if (options->directory_count == OPTIONS_DIRECTORIES)
        return refuse("profile-dir", text, "given at most 16 times");
    options->directory[options->directory_count++] = text;
    return true;
}

static bool take_option(struct options *options, struct said *said, int option, char *text) {
    int64_t number = 0;
    switch (option) {
    case LINK:
        options->link = text;
        return true;
    case LIFTS:
        said->lifts = whole(text, 1, BUS_UNITS, &number) ? (int)number : 0;
        return said->lifts || refuse("lifts", text, "1..247");
    case PROFILE:
        said->profile = text;
        return is_profile_name(text) || refuse("profile", text, "the name of a profile");
    case UNIT:
        return take_unit(options, text);
    case PROFILE_DIR:
        return take_directory(options, text);
    case BAUD:
        options->baud = whole(text, 1, 10000000, &number) && pty_baud_known((int)number) ? (int)number : 0;
        return options->baud || refuse("baud", text, "a speed that terminals have, such as 9600 or 19200");
    case PARITY:
        return take_parity(options, text);
    case STOP_BITS:
        options->stop_bits = whole(text, 1, 2, &number) ? (int)number : 0;
        return options->stop_bits || refuse("stop-bits", text, "1 or 2");
    case TURNAROUND:
        return decimal(text, 0, TURNAROUND_MAX_MS, &options->turnaround_ms) ||
               refuse("turnaround-ms", text, "0..10000");
    case BYTEWISE:
        options->bytewise = true;
        return true;
    case SPEED:
        return decimal(text, SPEED_MIN, SPEED_MAX, &options->speed) || refuse("speed", text, "0.01..1000");
    case SEED:
        if (!whole(text, 0, INT64_MAX, &number))
            return refuse("seed", text, "a whole number");
        options->seed = (uint64_t)number;
        return true;
    case CONTROL:
        options->control = text;
        return true;
    case SCENARIO:
        options->scenario = text;
        return true;
    default:
        return false; /* getopt has said why */
    }
}

/* @M may stand before unit M is given. */
static bool check_same_lifts(const struct options *options) {
    for (int i = 1; i <= BUS_UNITS; i++) {
        int other = options->same_lift[i];
        if (!other || (options->profile[other] && !options->same_lift[other]))
            continue;
        log_error("--unit %d=%s@%d: unit %d must be given, with a lift of its own", i, options->profile[i], other,
                  other);
        return false;
    }
    return true;
}

static bool settle_units(struct options *options, const struct said *said) {
    if (options->unit_count && (said->lifts || said->profile)) {
        log_error("--unit stands instead of --lifts and --profile, not beside them");
        return false;
    }
    int lifts = options->unit_count ? 0 : said->lifts ? said->lifts : 1;
    for (int i = 1; i <= lifts; i++)
        options->profile[i] = said->profile ? said->profile : DEFAULT_PROFILE;
    options->unit_count += lifts;
    for (int i = 1; i <= BUS_UNITS; i++)
        options->lift_count += options->profile[i] && !options->same_lift[i];
    return check_same_lifts(options);
}

/* In a build tree the profiles are beside the program. */
static const char *beside_program(char path[PATH_MAX]) {
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) : 0;
    snprintf(path + folder, PATH_MAX - folder, "/config/profiles");
    return path;
}

/* $LIFTGW_PROFILES goes before everything. */
static void settle_directories(struct options *options) {
    if (!options->directory_count) {
        options->directory[options->directory_count++] = LIFTGW_SYSCONF "/profiles";
        options->directory[options->directory_count++] = LIFTGW_DATA "/profiles";
        options->directory[options->directory_count++] = beside_program(options->beside);
    }
    const char *first = getenv("LIFTGW_PROFILES");
    if (!first || !first[0])
        return;
    if (options->directory_count == OPTIONS_DIRECTORIES)
        options->directory_count--;
    memmove(&options->directory[1], &options->directory[0],
            (size_t)options->directory_count * sizeof options->directory[0]);
    options->directory[0] = first;
    options->directory_count++;
}

enum options_result options_read(struct options *options, int argc, char *argv[]) {
    *options = (struct options){.turnaround_ms = DEFAULT_TURNAROUND_MS, .speed = 1, .seed = 1};
    struct said said = {.lifts = 0};
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == HELP) {
            fputs(help, stdout);
            return OPTIONS_HELP;
        }
        if (!take_option(options, &said, option, optarg))
            return OPTIONS_WRONG;
    }
    if (optind < argc) {
        log_error("'%s' is not an option; try --help", argv[optind]);
        return OPTIONS_WRONG;
    }
    if (!options->link) {
        log_error("--link PATH must say where the serial device is to appear; try --help");
        return OPTIONS_WRONG;
    }
    if (!settle_units(options, &said))
        return OPTIONS_WRONG;
    settle_directories(options);
    return OPTIONS_RIGHT;
}
