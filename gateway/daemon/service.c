#include "daemon/service.h"

#include "base/build.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "daemon/control.h"
#include "daemon/desk.h"
#include "daemon/metrics.h"
#include "daemon/notify.h"
#include "daemon/retirement.h"
#include "mqtt/topic.h"

#include <errno.h>
#include <jansson.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define TICK_MS 1000
#define ALIVE_STAMP_MS 60000
#define PRUNE_MS 60000
#define STOP_WAIT_MS 900
#define ACK_TIMEOUT_S 20
/* Longer than the longest bounded step of a bus thread: a request with its timeout, its drain and a reopening. */
#define HANG_MS 10000
#define CLOCK_STEP_MS 1000
#define WILL_ROOM 2000
#define HEALTH_ROOM 3400 /* of 4 KiB, for the body */

struct service {
    const char *file;
    struct settings *settings; /* owned by the fleet */
    struct loop *loop;
    struct ledger *ledger;
    struct journal journal;
    struct publisher *publisher;
    struct fleet *fleet;
    struct desk desk;
    struct control *control;
    struct loop_watch signals, readings, publishing;
    bool stopping, retired;
    int status;
    int64_t started_real_ms, next_tick_ms, next_stamp_ms, next_prune_ms, next_watchdog_ms, next_metrics_ms;
    struct log_repeat metrics_trouble;
    int watchdog_ms;
    struct log_repeat stuck;
    int64_t clock_offset_ms;
    const char **lift_ids;
    char config_hash[17];
    char status_topic[TOPIC_SIZE];
    char will[PAYLOAD_SIZE];
};

/* --- what the parts tell each other ------------------------------------------------------------------------------ */

static void publishing_ready(void *context) {
    struct service *service = context;
    publisher_receive(service->publisher);
}

static void publisher_said(void *context, const struct handover *message) {
    struct service *service = context;
    desk_heard(&service->desk, message, clock_now());
}

static void publisher_gone(void *context) {
    struct service *service = context;
    loop_remove(service->loop, &service->publishing);
    service->publishing.fd = -1;
    desk_publisher_gone(&service->desk, "liftgw-publish is being started again", clock_now());
}

/* A new process has a new socket. */
static void watch_publisher(struct service *service) {
    int fd = publisher_fd(service->publisher);
    if (fd < 0 || service->publishing.fd == fd)
        return;
    service->publishing = (struct loop_watch){.fd = fd, .ready = publishing_ready, .context = service};
    loop_add(service->loop, &service->publishing);
}

static void readings_ready(void *context) {
    struct service *service = context;
    uint64_t count;
    if (read(service->readings.fd, &count, sizeof count) == sizeof count)
        fleet_take(service->fleet);
}

static void answered(void *context, const struct reading *reading) {
    struct service *service = context;
    control_answered(service->control, reading);
}

static void polled(void *context, size_t lift, size_t part) {
    struct service *service = context;
    control_polled(service->control, lift, part);
}

static void acknowledged(void *context, uint64_t seq, bool refused) {
    struct service *service = context;
    control_acknowledged(service->control, seq, refused);
}

static size_t write_health(void *context, char payload[PAYLOAD_SIZE], struct instant now) {
    struct service *service = context;
    json_t *body = NULL;
    for (int detail = HEALTH_UNITS; detail >= HEALTH_BRIEF; detail--) {
        json_decref(body);
        body = figures_health(&service->desk, now, (enum health_detail)detail);
        if (json_dumpb(body, NULL, 0, JSON_COMPACT) <= HEALTH_ROOM)
            break;
    }
    size_t size = payload_gateway(payload, service->journal.gateway, NULL, body, now, NULL);
    memory_give_back();
    return size;
}

/* --- what follows from the settings ------------------------------------------------------------------------------ */

static void describe(struct service *service) {
    const struct settings *settings = service->settings;
    free(service->lift_ids);
    service->lift_ids = memory_get(settings->lift_count, sizeof *service->lift_ids);
    for (size_t i = 0; i < settings->lift_count; i++)
        service->lift_ids[i] = settings->lifts[i].identity.id;
    snprintf(service->config_hash, sizeof service->config_hash, "%016llx", (unsigned long long)settings->hash);
    topic_gateway(service->status_topic, &settings->identity, "status");
    service->desk.gateway = &settings->gateway;
    service->desk.status = (struct payload_status){.online = true,
                                                   .version = LIFTGW_VERSION,
                                                   .config = service->config_hash,
                                                   .started_real_ms = service->started_real_ms,
                                                   .lifts = service->lift_ids,
                                                   .lift_count = settings->lift_count};
}

static size_t offline_status(struct service *service, char payload[PAYLOAD_SIZE], size_t lift_count) {
    struct payload_status status = service->desk.status;
    status.online = false;
    if (lift_count == 0)
        status.lifts = NULL;
    return payload_status(payload, service->journal.gateway, &status, clock_now());
}

static struct broker_setup broker_setup_of(struct service *service) {
    const struct broker_settings *broker = &service->settings->broker;
    struct broker_setup setup = {.version = broker->protocol == MQTT_3_1_1 ? 4 : 5,
                                 .automatic = broker->protocol == MQTT_AUTO,
                                 .client_id = broker->client_id,
                                 .keepalive_s = broker->keepalive_s,
                                 .username = broker->username,
                                 .password = broker->password,
                                 .password_file = broker->password_file,
                                 .ca_file = broker->ca_file,
                                 .cert_file = broker->cert_file,
                                 .key_file = broker->key_file,
                                 .will_topic = service->status_topic,
                                 .will_payload = service->will,
                                 .ack_timeout_s = ACK_TIMEOUT_S};
    _Static_assert(SETTINGS_URLS_MAX <= BROKER_URLS_MAX, "every configured URL can be handed over");
    for (size_t i = 0; broker->urls[i]; i++)
        setup.urls[i] = broker->urls[i];
    /* In the setup's JSON every quote of the will takes two bytes: a long one goes without the lifts. */
    if (offline_status(service, service->will, service->settings->lift_count) > WILL_ROOM)
        offline_status(service, service->will, 0);
    return setup;
}

/* The gateway's own retained topics have no lift for an owner. */
static int note_own_topics(struct service *service) {
    char health[TOPIC_SIZE];
    const char *topics[] = {service->status_topic, topic_gateway(health, service->journal.gateway, "health")};
    return journal_retained(&service->journal, "", topics, COUNT_OF(topics));
}

/* --- before and after: the ledger's facts ------------------------------------------------------------------------ */

static void read_boot_id(char text[64]) {
    text[0] = '\0';
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file)
        return;
    if (!fgets(text, 64, file))
        text[0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    fclose(file);
}

static json_t *time_or_null(const char *stamp) {
    char text[CLOCK_TEXT_SIZE];
    int64_t real_ms = strtoll(stamp, NULL, 10);
    return real_ms > 0 ? json_string(clock_text(real_ms, text)) : json_null();
}

/* Why and how long the box was away: a stop that was asked for leaves its fact, another boot has another id. */
static int tell_restart(struct service *service, struct instant now) {
    char boot[64];
    char old_boot[64] = "";
    char alive[32] = "";
    char stopped[8] = "";
    char down_to[CLOCK_TEXT_SIZE];
    read_boot_id(boot);
    bool before = ledger_fact_get(service->ledger, "boot_id", old_boot, sizeof old_boot) == 1;
    ledger_fact_get(service->ledger, "alive", alive, sizeof alive);
    bool clean = ledger_fact_get(service->ledger, "stopped", stopped, sizeof stopped) == 1 && stopped[0] == '1';
    bool same_boot = strcmp(boot, old_boot) == 0;
    const char *cause = !before              ? "first_start"
                        : clean && same_boot ? "stopped"
                        : clean              ? "reboot"
                        : same_boot          ? "crash"
                                             : "power_cut";
    json_t *details = json_pack("{s:s, s:o, s:s, s:s}", "cause", cause, "down_from", time_or_null(alive), "down_to",
                                clock_text(now.real_ms, down_to), "version", LIFTGW_VERSION);
    if (journal_gateway(&service->journal, "restarted", details, now) != 0)
        return -1;
    if (ledger_fact_put(service->ledger, "boot_id", boot) != 0)
        return -1;
    return ledger_fact_put(service->ledger, "stopped", "0");
}

/* When the box was last known alive before this start; 0 unknown. */
static int64_t last_alive(struct service *service) {
    char stamp[32];
    return ledger_fact_get(service->ledger, "alive", stamp, sizeof stamp) == 1 ? strtoll(stamp, NULL, 10) : 0;
}

static void stamp_alive(struct service *service, struct instant now) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)now.real_ms);
    ledger_fact_put(service->ledger, "alive", text);
    service->next_stamp_ms = now.mono_ms + ALIVE_STAMP_MS;
}

/* systemd makes the folders of the unit; without it they are made here. What is wrong shows when they are used. */
static void make_folder(const char *path, mode_t mode) {
    if (mkdir(path, mode) == 0)
        log_info("made the folder %s", path);
}

/* Everything of this box is cleared from the broker: it is not started again. */
static void retire(struct service *service, struct instant now) {
    size_t cleared = service->desk.cleared_count;
    if (retirement_note(service->ledger, now) != 0) {
        control_retired(service->control, cleared, "the ledger cannot be written");
        desk_retire_end(&service->desk);
        return;
    }
    log_info("retired: %zu retained topics were cleared from the broker", cleared);
    control_retired(service->control, cleared, NULL);
    service->retired = service->stopping = true;
    service->status = EX_CONFIG; /* the service manager does not start it again */
}

static void follow_retirement(struct service *service, struct instant now) {
    if (service->desk.retirement == RETIREMENT_DONE) {
        retire(service, now);
    } else if (service->desk.retirement == RETIREMENT_REFUSED) {
        control_retired(service->control, 0, service->desk.reason);
        desk_retire_end(&service->desk);
    }
}

static int open_ledger(struct service *service, int *status) {
    static const char *const exits[] = {"cannot be opened", "was written by a newer version of liftgw"};
    char path[4096];
    enum ledger_opening opening;
    const struct gateway_settings *gateway = &service->settings->gateway;
    snprintf(path, sizeof path, "%s/ledger.db", gateway->state_dir);
    make_folder(gateway->state_dir, 0750);
    struct ledger_settings settings = {
        .path = path, .max_messages = gateway->outbox_max_events, .history_days = gateway->history_days};
    service->ledger = ledger_open(&settings, &opening);
    if (!service->ledger) {
        log_error("the ledger %s %s", path, exits[opening == LEDGER_NEWER]);
        *status = opening == LEDGER_NEWER ? EX_CONFIG : EX_CANTCREAT;
        return -1;
    }
    service->journal = (struct journal){.ledger = service->ledger, .gateway = &service->settings->identity};
    struct instant now = clock_now();
    if (retirement_refuses(service->ledger, path)) {
        *status = EX_CONFIG;
        return -1;
    }
    *status = EX_IOERR;
    return journal_replaced(&service->journal, now) == 0 ? tell_restart(service, now) : -1;
}

/* --- signals ----------------------------------------------------------------------------------------------------- */

static void log_problems(const struct problems *problems) {
    const char *text;
    for (size_t i = 0; (text = problems_text(problems, i)); i++)
        log_warn("%s", text);
}

/* Takes everything of the new settings or nothing. */
static const char *take_settings(struct service *service, struct settings *settings) {
    const struct gateway_settings *old = &service->settings->gateway;
    const struct gateway_settings *new = &settings->gateway;
    if (strcmp(old->state_dir, new->state_dir) != 0 || strcmp(old->control, new->control) != 0)
        return "state_dir and control cannot change while running: systemctl restart liftgwd";
    if (strcmp(old->id, new->id) != 0) /* seq has no gap within a gateway and its series */
        return "the gateway's id cannot change while running: systemctl restart liftgwd";
    service->journal.gateway = &settings->identity;
    struct fleet *fleet =
        fleet_create(settings, &service->journal, service->readings.fd, &service->fleet->listener, 0, service->fleet);
    if (!fleet) {
        service->journal.gateway = &service->settings->identity;
        return "the ledger cannot be written";
    }
    struct fleet *gone = service->fleet;
    calendar_set_zone(settings->gateway.timezone);
    service->fleet = service->desk.fleet = fleet;
    service->settings = settings;
    describe(service);
    ledger_set_bounds(service->ledger, settings->gateway.outbox_max_events, settings->gateway.history_days);
    struct broker_setup setup = broker_setup_of(service);
    publisher_configure(service->publisher, &setup);
    fleet_free(gone);
    note_own_topics(service);
    desk_fleet_changed(&service->desk);
    control_fleet_changed(service->control);
    memory_give_back();
    return NULL;
}

static void reload(struct service *service) {
    char usec[64];
    snprintf(usec, sizeof usec, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(clock_mono_ns() / 1000));
    notify_send(usec);
    struct problems *problems = problems_create();
    struct settings *settings = settings_load(service->file, problems);
    const char *refused = settings ? take_settings(service, settings) : "it has errors";
    log_problems(problems);
    if (refused) {
        log_error("%s was read again and not taken: %s", service->file, refused);
        if (settings)
            settings_free(settings);
    } else {
        log_info("%s was read again: lifts %zu, buses %zu", service->file, service->settings->lift_count,
                 service->settings->bus_count);
    }
    journal_gateway(
        &service->journal, "reload",
        json_pack("{s:b, s:s?, s:s}", "taken", refused == NULL, "reason", refused, "config", service->config_hash),
        clock_now());
    problems_free(problems);
    notify_send("READY=1");
}

static void signals_ready(void *context) {
    struct service *service = context;
    struct signalfd_siginfo info;
    if (read(service->signals.fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGHUP)
        reload(service);
    else
        service->stopping = true;
}

static int watch_signals(struct service *service) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    service->signals = (struct loop_watch){.fd = fd, .ready = signals_ready, .context = service};
    return fd < 0 ? -1 : loop_add(service->loop, &service->signals);
}

/* --- the life ---------------------------------------------------------------------------------------------------- */

static int watch_readings(struct service *service) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    service->readings = (struct loop_watch){.fd = fd, .ready = readings_ready, .context = service};
    return fd < 0 ? -1 : loop_add(service->loop, &service->readings);
}

static void seed_random(void) {
    unsigned seed = (unsigned)clock_mono_ns();
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        log_debug("no random seed from the kernel, using the clock");
    srandom(seed);
}

static int open_control(struct service *service, int *status) {
    const char *path = service->settings->gateway.control;
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    make_folder(dirname(folder), 0755);
    service->control = control_create(path, service->loop, &service->desk);
    if (service->control)
        return 0;
    *status = errno == EACCES ? EX_NOPERM : EX_CANTCREAT;
    if (errno == EADDRINUSE)
        log_error("another liftgwd listens on %s", path);
    else
        log_error_errno("cannot listen on the control socket %s", path);
    return -1;
}

static int start_parts(struct service *service, int *status) {
    struct instant now = clock_now();
    service->clock_offset_ms = now.real_ms - now.mono_ms;
    desk_init(&service->desk, &service->journal);
    describe(service);
    calendar_set_zone(service->settings->gateway.timezone);
    struct broker_setup setup = broker_setup_of(service);
    struct publisher_listener ears = {.heard = publisher_said, .gone = publisher_gone, .context = service};
    service->publisher = publisher_create(&setup, &ears);
    service->desk.publisher = service->publisher;
    service->desk.health = write_health;
    service->desk.acknowledged = acknowledged;
    service->desk.context = service;
    if (note_own_topics(service) != 0)
        return -1;
    struct fleet_listener listener = {.answered = answered, .polled = polled, .context = service};
    service->fleet =
        fleet_create(service->settings, &service->journal, service->readings.fd, &listener, last_alive(service), NULL);
    if (!service->fleet)
        return -1;
    service->desk.fleet = service->fleet;
    memory_give_back();
    return open_control(service, status);
}

struct service *service_start(struct settings *settings, const char *file, int *status) {
    struct service *service = memory_get(1, sizeof *service);
    service->file = file;
    service->settings = settings;
    service->signals.fd = service->readings.fd = service->publishing.fd = -1;
    service->started_real_ms = clock_now().real_ms;
    service->watchdog_ms = notify_watchdog_ms();
    seed_random();
    *status = EX_OSERR;
    service->loop = loop_create();
    if (!service->loop || watch_signals(service) != 0 || watch_readings(service) != 0)
        log_error_errno("cannot start");
    else if (open_ledger(service, status) == 0 && start_parts(service, status) == 0) {
        *status = EX_OK;
        return service;
    }
    service_stop(service);
    return NULL;
}

static void tell_clock_step(struct service *service, struct instant now) {
    int64_t step_ms = now.real_ms - now.mono_ms - service->clock_offset_ms;
    if (step_ms > -CLOCK_STEP_MS && step_ms < CLOCK_STEP_MS) {
        service->clock_offset_ms += step_ms;
        return;
    }
    log_warn("the clock was set by %.3f s", (double)step_ms / 1000);
    json_t *details = json_pack("{s:f}", "offset_s", (double)step_ms / 1000);
    if (journal_gateway(&service->journal, "clock_set", details, now) != 0)
        return;
    service->clock_offset_ms += step_ms;
    /* A restart takes the time from the last write to the last-alive stamp as watched: no step may lie in between. */
    fleet_clock_set(service->fleet, now);
}

/* The service manager hears of us only while the loop and every bus thread make progress. A thread cannot be ended from
 * outside, and while it hangs in its driver nobody else can open the device: nothing smaller helps than a new process.
 * So it is asked for at once (sd_notify(3), WATCHDOG=trigger, systemd 243) and not by silence, which would take as long
 * again. Without a service manager the log says what to do. */
static void feed_watchdog(struct service *service, struct instant now) {
    const char *stuck = fleet_stuck_bus(service->fleet, now.mono_ms - HANG_MS);
    if (stuck) {
        log_warn_repeated(&service->stuck, now.mono_ms,
                          "bus %s: its thread hangs in the serial driver for more than %d s: liftgwd must be started "
                          "again; asking the service manager to",
                          stuck, HANG_MS / 1000);
        notify_send("WATCHDOG=trigger\nSTATUS=a bus hangs in its serial driver");
        return;
    }
    if (!service->watchdog_ms || now.mono_ms < service->next_watchdog_ms)
        return;
    notify_send("WATCHDOG=1");
    service->next_watchdog_ms = now.mono_ms + service->watchdog_ms / 4;
}

static void write_metrics(struct service *service, struct instant now) {
    const char *path = service->settings->gateway.metrics_file;
    service->next_metrics_ms = now.mono_ms + (int64_t)service->settings->gateway.health_interval_s * 1000;
    if (!path)
        return;
    json_t *figures = figures_status(&service->desk, now);
    if (metrics_write(path, figures) == 0)
        log_repeat_reset(&service->metrics_trouble);
    else
        log_warn_repeated(&service->metrics_trouble, now.mono_ms, "cannot write metrics_file %s: %s", path,
                          strerror(errno));
    json_decref(figures);
}

static void tick(struct service *service, struct instant now) {
    service->next_tick_ms = now.mono_ms + TICK_MS;
    tell_clock_step(service, now);
    fleet_tick(service->fleet, now);
    if (ledger_is_damaged(service->ledger)) {
        log_error("the ledger was found damaged: ending, so that the next start sets it aside");
        service->status = EX_IOERR;
        service->stopping = true;
    }
    if (now.mono_ms >= service->next_stamp_ms)
        stamp_alive(service, now);
    if (now.mono_ms >= service->next_prune_ms) {
        ledger_prune(service->ledger, now.real_ms);
        service->next_prune_ms = now.mono_ms + PRUNE_MS;
    }
    if (now.mono_ms >= service->next_metrics_ms)
        write_metrics(service, now);
    feed_watchdog(service, now);
}

static int time_until(const struct service *service) {
    int64_t due = service->next_tick_ms;
    int64_t desk_due = desk_due_ms(&service->desk);
    int64_t control_due = control_due_ms(service->control);
    due = desk_due < due ? desk_due : due;
    int64_t publisher_due = publisher_due_ms(service->publisher);
    due = control_due < due ? control_due : due;
    due = publisher_due < due ? publisher_due : due;
    int64_t left = due - clock_mono_ms();
    return left > 0 ? (int)left : 0;
}

int service_run(struct service *service) {
    notify_send("READY=1");
    while (!service->stopping) {
        struct instant now = clock_now();
        if (now.mono_ms >= service->next_tick_ms)
            tick(service, now);
        publisher_tick(service->publisher, now.mono_ms);
        watch_publisher(service);
        desk_pump(&service->desk, now);
        follow_retirement(service, now);
        control_tick(service->control, now);
        loop_once(service->loop, time_until(service));
    }
    notify_send("STOPPING=1");
    return service->status;
}

static void say_goodbye(struct service *service) {
    char payload[PAYLOAD_SIZE];
    if (service->retired) { /* its status is cleared, and an orderly disconnect keeps the will back */
        publisher_ask_to_stop(service->publisher, service->status_topic, "");
        return;
    }
    if (service->publisher && offline_status(service, payload, service->settings->lift_count) > 0)
        publisher_ask_to_stop(service->publisher, service->status_topic, payload);
}

void service_stop(struct service *service) {
    bool ran = service->fleet != NULL; /* else nothing was watched, and the last run's traces stay */
    say_goodbye(service);
    control_free(service->control);
    if (service->fleet)
        fleet_write(service->fleet, clock_now());
    desk_settle(&service->desk);
    if (service->fleet)
        fleet_free(service->fleet);
    else
        settings_free(service->settings);
    publisher_free(service->publisher, STOP_WAIT_MS);
    if (service->ledger && ran) {
        stamp_alive(service, clock_now());
        ledger_fact_put(service->ledger, "stopped", "1");
    }
    ledger_close(service->ledger);
    loop_free(service->loop);
    if (service->signals.fd >= 0)
        close(service->signals.fd);
    if (service->readings.fd >= 0)
        close(service->readings.fd);
    free(service->lift_ids);
    free(service);
}
