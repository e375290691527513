#include "ctl/reader.h"

#include "base/log.h"
#include "base/memory.h"
#include "ctl/answer.h"
#include "ctl/client.h"
#include "ctl/interrupt.h"
#include "settings/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/serial.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define BY_ID "/dev/serial/by-id"
#define TRIES 100 /* while another tool asks the same bus */
#define TRY_AGAIN_MS 50

struct reader {
    const char *device;
    int descriptor; /* kept open beside the line's, so that the modem lines stay and the UART's counts can be read */
    struct line *line;
    int daemon;
    json_t *bus;       /* of the daemon's status */
    char refusal[160]; /* why the daemon did not read, in its words; "": it did */
};

/* ---- what cannot be opened ---- */

static const char *owning_group(const char *device, char *name, size_t size) {
    struct stat info;
    const struct group *group = stat(device, &info) == 0 ? getgrgid(info.st_gid) : NULL;
    snprintf(name, size, "%s", group && info.st_gid != 0 ? group->gr_name : "dialout");
    return name;
}

static int say_why(const char *device, int reason) {
    char group[64];
    switch (reason) {
    case EACCES:
    case EPERM:
        owning_group(device, group, sizeof group);
        log_error("no permission on %s: add yourself to group %s (sudo usermod -aG %s $USER) and log in again", device,
                  group, group);
        return EX_NOPERM;
    case ENOENT:
        log_error("there is no %s: is the adapter plugged in? ls -l " BY_ID " shows those that are", device);
        return EX_UNAVAILABLE;
    case EBUSY:
        log_error("%s is in use by another program: fuser -v %s shows which; end that first", device, device);
        return EX_UNAVAILABLE;
    case ENOTTY:
    case EISDIR:
        log_error("%s is not a serial line: ls -l " BY_ID " shows those that are there", device);
        return EX_USAGE;
    default:
        log_error("cannot open %s: %s", device, strerror(reason));
        return EX_IOERR;
    }
}

int reader_gone(const struct reader *reader) {
    if (reader->refusal[0]) {
        log_error("liftgwd says: %s", reader->refusal);
        return EX_UNAVAILABLE;
    }
    if (reader->bus)
        log_error("liftgwd ended, or reads %s no more: start again", reader->device);
    else
        log_error("%s went away in the middle: is the adapter still plugged in?", reader->device);
    return EX_IOERR;
}

/* ---- the daemon ---- */

/* True if a daemon runs and this is one of its buses. */
static bool ask_daemon(struct reader *reader, const struct context *context) {
    reader->daemon = client_connect(context);
    json_t *status = reader->daemon >= 0 ? client_ask(reader->daemon, "{\"cmd\":\"status\"}") : NULL;
    size_t i;
    json_t *bus;
    json_array_foreach(json_object_get(status, "buses"), i, bus) {
        const char *device = answer_text(bus, "device");
        if (device && settings_same_device(device, reader->device))
            reader->bus = json_incref(bus);
    }
    json_decref(status);
    if (reader->bus)
        fprintf(stderr, "liftgwd holds this bus: asking it (one read a cycle)\n");
    return reader->bus;
}

static enum line_result result_named(const char *name) {
    for (enum line_result result = LINE_OK; name && result < LINE_RESULT_COUNT; result++)
        if (strcmp(line_result_name(result), name) == 0)
            return result;
    return LINE_TIMEOUT;
}

static enum line_result take_failure(struct reader *reader, const json_t *answer) {
    const char *result = answer_text(answer, "result");
    const char *error = answer_text(answer, "error");
    if (result)
        return result_named(result);
    snprintf(reader->refusal, sizeof reader->refusal, "%s", error ? error : "");
    return LINE_GONE;
}

static enum line_result take_answer(struct reader *reader, const json_t *answer, const struct line_request *request,
                                    struct line_reply *reply) {
    reader->refusal[0] = '\0';
    reply->exception = (int)answer_number(answer, "exception");
    if (!json_is_true(json_object_get(answer, "ok")))
        return take_failure(reader, answer);
    const json_t *values = json_object_get(answer, "values");
    if (json_array_size(values) != request->count)
        return LINE_FOREIGN;
    for (size_t i = 0; i < request->count; i++)
        reply->words[i] = (uint16_t)json_integer_value(json_array_get(values, i));
    return LINE_OK;
}

/* True if the daemon did not ask because somebody else's question waits. */
static bool was_busy(const json_t *answer) {
    const char *error = answer_text(answer, "error");
    return error && !json_object_get(answer, "result") && strstr(error, "try again");
}

static enum line_result read_through_daemon(struct reader *reader, const struct line_request *request,
                                            struct line_reply *reply) {
    json_t *question =
        json_pack("{s:s, s:O, s:i, s:s, s:i, s:i}", "cmd", "read", "bus", json_object_get(reader->bus, "name"), "unit",
                  request->unit, "table", table_name((enum table)request->table), "address", request->address, "count",
                  request->count);
    char *text = json_dumps(question, JSON_COMPACT);
    json_decref(question);
    enum line_result result = LINE_TIMEOUT;
    for (int i = 0; i < TRIES && !interrupted(); i++) {
        json_t *answer = client_ask(reader->daemon, text);
        result = answer ? take_answer(reader, answer, request, reply) : LINE_GONE;
        bool again = was_busy(answer);
        json_decref(answer);
        if (!again)
            break;
        interrupt_sleep_ms(TRY_AGAIN_MS);
    }
    free(text);
    return result;
}

/* ---- open, set, read ---- */

static int open_device(struct reader *reader) {
    reader->descriptor = open(reader->device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (reader->descriptor < 0)
        return -1;
    if (isatty(reader->descriptor))
        return 0;
    errno = ENOTTY;
    return -1;
}

/* Any settings will do to find out whether the line is free. */
static int try_line(struct reader *reader) {
    struct line_settings settings = {
        .device = reader->device, .baud = 9600, .parity = PARITY_NONE, .data_bits = 8, .stop_bits = 1};
    struct line *line = line_create(&settings);
    int result = line ? line_open(line) : -1;
    int reason = errno;
    line_free(line);
    errno = reason;
    return result == 0 || reason == ENOTSUP ? 0 : -1;
}

struct reader *reader_open(const struct context *context, const char *device, int *status) {
    struct reader *reader = memory_get(1, sizeof *reader);
    *reader = (struct reader){.device = device, .descriptor = -1, .daemon = -1};
    if (open_device(reader) == 0 && try_line(reader) == 0)
        return reader;
    int reason = errno;
    if (reason != EBUSY || !ask_daemon(reader, context)) {
        *status = say_why(device, reason);
        reader_free(reader);
        return NULL;
    }
    if (reader->descriptor >= 0)
        close(reader->descriptor);
    reader->descriptor = -1;
    return reader;
}

void reader_free(struct reader *reader) {
    if (!reader)
        return;
    line_free(reader->line);
    if (reader->descriptor >= 0)
        close(reader->descriptor);
    if (reader->daemon >= 0)
        close(reader->daemon);
    json_decref(reader->bus);
    free(reader);
}

const json_t *reader_daemon(const struct reader *reader) {
    return reader->bus;
}

int reader_set_line(struct reader *reader, int baud, enum parity parity, int stop_bits, int *status) {
    if (reader->bus)
        return 0;
    struct line_settings settings = {
        .device = reader->device, .baud = baud, .parity = parity, .data_bits = 8, .stop_bits = stop_bits};
    line_free(reader->line);
    reader->line = line_create(&settings);
    if (!reader->line)
        errno = ENOTSUP;
    else if (line_open(reader->line) == 0)
        return 0;
    int reason = errno == EINVAL ? ENOTSUP : errno;
    if (reason != ENOTSUP)
        *status = say_why(reader->device, reason);
    errno = reason;
    return -1;
}

enum line_result reader_read(struct reader *reader, const struct line_request *request, struct line_reply *reply) {
    if (reader->bus)
        return read_through_daemon(reader, request, reply);
    if (!reader->line)
        return LINE_GONE;
    return line_read(reader->line, request, reply);
}

bool reader_counts(const struct reader *reader, struct reader_counts *counts) {
    struct serial_icounter_struct icount = {0};
    if (reader->descriptor < 0 || ioctl(reader->descriptor, TIOCGICOUNT, &icount) == -1)
        return false;
    *counts = (struct reader_counts){.frame = icount.frame, .parity = icount.parity, .breaks = icount.brk};
    return true;
}

const char *reader_stable_name(const char *device, char *path, size_t size) {
    DIR *folder = opendir(BY_ID);
    const char *found = device;
    for (const struct dirent *entry; found == device && folder && (entry = readdir(folder));)
        if (snprintf(path, size, BY_ID "/%s", entry->d_name) < (int)size && entry->d_name[0] != '.' &&
            settings_same_device(path, device))
            found = path;
    if (folder)
        closedir(folder);
    return found;
}

const char *reader_only_device(char *path, size_t size) {
    DIR *folder = opendir(BY_ID);
    size_t count = 0;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        if (count++ == 0)
            snprintf(path, size, BY_ID "/%s", entry->d_name);
    }
    if (folder)
        closedir(folder);
    if (count == 0)
        log_error("no serial adapter in " BY_ID ": say which device the bus is on, liftgwctl init /dev/ttyS1");
    else if (count > 1)
        log_error("there are %zu serial adapters: say which one, liftgwctl init DEVICE; ls -l " BY_ID " shows them",
                  count);
    return count == 1 ? path : NULL;
}
