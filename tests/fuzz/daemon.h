/* The whole of liftgwd but its main(), in a thread, with its control socket; liftgw-publish is played by the target. */
#ifndef LIFTGW_TESTS_FUZZ_DAEMON_H
#define LIFTGW_TESTS_FUZZ_DAEMON_H

#include "daemon/service.h"
#include "fuzz.h"
#include "mqtt/handover.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define ANSWER_WITHIN_MS 20000
#define NO_PROCESS (1 << 29) /* beyond any process id */

static const char configuration[] =
    "gateway: { id = \"B\"; prefix = \"p\"; district = \"d\"; compound = \"c\"; timezone = \"UTC\";\n"
    "  state_dir = \".\"; control = \"control.sock\"; outbox_max_events = 100; profile_dirs = (\"profiles\");\n"
    "  codes_dirs = (\"codes\"); state_min_interval_ms = 100; };\n"
    "broker: { urls = (\"mqtts://broker.example\"); };\n"
    "buses: ( { name = \"shaft\"; device = \"absent\"; lifts: (\n"
    "  { id = \"L-1\"; unit = 1; profile = \"generic-ba\"; },\n"
    "  { id = \"L-2\"; parts: ( { unit = 2; profile = \"generic-ba\"; without = (\"door_zone\"); },\n"
    "                         { unit = 3; profile = \"dio-8\"; } ); } ); } );\n";

static struct service *service;
static atomic_int new_end = -1; /* liftgw-publish's end of a socket pair that nobody has taken yet */
static char control_path[128];

/* ---- what publisher.c calls to start and end the process ---- */

int __real_socketpair(int domain, int type, int protocol, int pair[2]);
int __wrap_socketpair(int domain, int type, int protocol, int pair[2]);
int __wrap_socketpair(int domain, int type, int protocol, int pair[2]) {
    int result = __real_socketpair(domain, type, protocol, pair);
    int not_taken = atomic_exchange(&new_end, result == 0 ? dup(pair[1]) : -1);
    if (not_taken >= 0)
        close(not_taken);
    return result;
}

pid_t __wrap_fork(void);
pid_t __wrap_fork(void) {
    return NO_PROCESS;
}

int __wrap_kill(pid_t process, int signal);
int __wrap_kill(pid_t process, int signal) {
    assert(process == NO_PROCESS && signal == SIGKILL);
    return 0;
}

pid_t __wrap_waitpid(pid_t process, int *status, int options);
pid_t __wrap_waitpid(pid_t process, int *status, int options) {
    (void)options;
    if (status)
        *status = 0;
    return process;
}

/* ---- the daemon ---- */

static void *run(void *context) {
    (void)context;
    service_run(service);
    return NULL;
}

static inline void daemon_start(void) {
    char path[128];
    int status;
    pthread_t thread;
    folder_make();
    folder_link("config/profiles", "profiles");
    folder_link("config/codes", "codes");
    folder_write_text("liftgw.cfg", configuration);
    folder_path("control.sock", control_path);
    struct problems *problems = problems_create();
    struct settings *settings = settings_load(folder_path("liftgw.cfg", path), problems);
    problems_print(problems, stderr);
    problems_free(problems);
    assert(settings);
    static char file[128];
    strcpy(file, path);
    service = service_start(settings, file, &status);
    assert(service);
    int result = pthread_create(&thread, NULL, run, NULL);
    assert(result == 0);
}

/* A tool that connects. */
static inline int daemon_connect(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, control_path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = connect(descriptor, (const struct sockaddr *)&address, sizeof address);
    assert(result == 0);
    return descriptor;
}

/* Asks for the status, as a tool that behaves; what the daemon was sent before has been taken then. Whatever others
 * send, it is answered. */
static inline void daemon_check(void) {
    static char answer[1 << 20];
    static const char question[] = "{\"cmd\":\"status\"}\n";
    int descriptor = daemon_connect();
    ssize_t sent = send(descriptor, question, strlen(question), 0);
    assert(sent == (ssize_t)strlen(question));
    size_t size = 0;
    do {
        struct pollfd ready = {.fd = descriptor, .events = POLLIN};
        int count;
        do
            count = poll(&ready, 1, ANSWER_WITHIN_MS);
        while (count < 0 && errno == EINTR); /* libFuzzer's timer */
        assert(count == 1);
        ssize_t got = recv(descriptor, answer + size, sizeof answer - size, 0);
        assert(got > 0);
        size += (size_t)got;
    } while (answer[size - 1] != '\n');
    json_t *status = json_loadb(answer, size, JSON_REJECT_DUPLICATES, NULL);
    assert(json_is_true(json_object_get(status, "ok")) && json_is_object(json_object_get(status, "outbox")));
    json_decref(status);
    close(descriptor);
}

#endif
