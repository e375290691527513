/* `liftgwctl init`: a first configuration, from what a scan finds. */
#include "base/build.h"
#include "base/log.h"
#include "base/text.h"
#include "ctl/command.h"
#include "ctl/reader.h"
#include "ctl/scan.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* The host's name is unique often enough to begin with. */
static void write_gateway(const struct library *library, FILE *to) {
    char host[128] = "";
    gethostname(host, sizeof host - 1);
    fprintf(to,
            "gateway: {\n"
            "  # This box; unique in the city. It is a level of the box's topics: change it now rather than later.\n"
            "  id = \"%s\";\n"
            "  # The levels before it: topics begin with city/lift/district/compound/. Ask the city for its words.\n"
            "  prefix = \"city\"; district = \"district\"; compound = \"compound\";\n"
            "  # The language of the texts in messages, \"zh\" or \"en\".\n"
            "  language = \"zh\";\n"
            "  # Whose fault numbers stand in messages: a file in the folder codes.\n"
            "  code_system = \"gbt24476-2017\";\n"
            "  # Whose midnight closes a day.\n"
            "  timezone = \"Asia/Shanghai\";\n",
            text_is_topic_level(host) ? host : "box-1");
    bool installed = library->folders[0] && strcmp(library->folders[0], LIFTGW_SYSCONF "/profiles") == 0;
    if (!installed && library->folders[0]) {
        fprintf(to, "  # Where profiles and code tables stand: not in the usual places.\n  profile_dirs = (");
        for (size_t i = 0; library->folders[i]; i++)
            fprintf(to, "%s\"%s\"", i ? ", " : "", library->folders[i]);
        fprintf(to, ");\n  codes_dirs = (");
        for (size_t i = 0; library->folders[i]; i++) {
            const char *folder = library->folders[i];
            const char *slash = strrchr(folder, '/');
            fprintf(to, "%s\"%.*s/codes\"", i ? ", " : "", slash ? (int)(slash - folder) : 1, slash ? folder : ".");
        }
        fprintf(to, ");\n");
    }
    fprintf(to, "};\n\n");
}

static void write_broker(FILE *to) {
    fprintf(to, "broker: {\n"
                "  # The city's broker; several are tried in order. mqtts is encrypted, mqtt is not.\n"
                "  urls = (\"mqtts://broker.city.example:8883\");\n"
                "  # Its user and password, and the certificate that it is checked against, as the city gives them:\n"
                "  # username = \"box-1\"; password_file = \"/etc/liftgw/mqtt.password\";\n"
                "  # ca_file = \"/etc/liftgw/city-ca.pem\";\n"
                "};\n\n");
}

static void write_buses(const struct scan_report *report, FILE *to) {
    fprintf(to,
            "# One entry for each RS-485 line, with the lifts on it. The settings are those at which units answered;\n"
            "# device names the adapter, so that it stays the same after the next start. For each lift:\n"
            "#   id       its name in topics; unit and profile as the scan saw them, confirm both at the lift\n"
            "#            with liftgwctl poll\n"
            "#   name, registration, rescue_code, labels of its floors, and who manages it: see liftgw.cfg(5)\n"
            "#   accepts  the warnings of its profile that somebody has dealt with: liftgwctl check names them\n"
            "buses: (\n");
    scan_write_bus(report, 2, to);
    fprintf(to, ");\n");
}

static void write_all(const struct scan_report *report, const struct library *library, FILE *to) {
    char setting[SCAN_SETTING_SIZE];
    fprintf(to,
            "# A first configuration of liftgw, from a scan of %s:\n# %s, %zu unit%s. Nothing in it is final. "
            "Check it with\n# liftgwctl check FILE; liftgw.cfg(5) has every key.\n\n",
            report->device, scan_setting_text(&report->setting, setting), report->unit_count,
            report->unit_count == 1 ? "" : "s");
    write_gateway(library, to);
    write_broker(to);
    write_buses(report, to);
}

static bool any_known(const struct scan_report *report) {
    for (size_t i = 0; i < report->unit_count; i++)
        if (report->units[i].like_count > 0)
            return true;
    return false;
}

/* A file that is there stays as it is. */
static int write_to(const char *path, const struct scan_report *report, const struct library *library) {
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640) : -1;
    FILE *to = path ? (fd >= 0 ? fdopen(fd, "w") : NULL) : stdout;
    if (!to) {
        log_error_errno("cannot write %s", path);
        return EX_CANTCREAT;
    }
    write_all(report, library, to);
    bool failed = ferror(to) != 0;
    if (path)
        failed = fclose(to) != 0 || failed;
    if (failed) {
        log_error_errno("cannot write %s", path ? path : "the configuration");
        return EX_IOERR;
    }
    if (path)
        fprintf(stderr, "%s is written; next: liftgwctl check %s\n", path, path);
    return EX_OK;
}

static int init(const struct context *context, const struct scan_wishes *wishes, const char *device, const char *path) {
    static struct scan_report report;
    if (path && access(path, F_OK) == 0) {
        log_error("%s is there already and stays as it is: name another file, or move it away", path);
        return EX_CANTCREAT;
    }
    struct library *library = library_load(context);
    report.device = device;
    int status = scan_bus(context, wishes, library, &report);
    if (status == EX_OK && report.through_daemon) {
        log_error("liftgwd runs with a configuration of this bus already: stop it for a scan of all settings");
        status = EX_UNAVAILABLE;
    } else if (status == EX_OK && !any_known(&report)) {
        log_error("no profile fits what answers: liftgwctl scan %s tells more, liftgw-profile(5) how to write one",
                  device);
        status = EX_UNAVAILABLE;
    } else if (status == EX_OK) {
        status = write_to(path, &report, library);
    } else if (report.begun) {
        log_error("nothing to write: liftgwctl scan %s tells why", device);
    }
    library_free(library);
    return status;
}

int init_run(const struct context *context, int argc, char *argv[]) {
    static const struct option names[] = {SCAN_OPTIONS, {0}};
    struct scan_wishes wishes = {0};
    const char *path = NULL;
    char only[PATH_MAX];
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "o:", names, NULL)) != -1)
        if (option == '?')
            return command_help(argv[0], false);
        else if (option == 'o')
            path = optarg;
        else if (!scan_take_option(option, optarg, &wishes))
            return EX_USAGE;
    if (argc - optind > 1)
        return command_help(argv[0], false);
    const char *device = optind < argc ? argv[optind] : reader_only_device(only, sizeof only);
    return device ? init(context, &wishes, device, path) : EX_USAGE;
}
