/* `liftgwctl watch`: the status of the daemon, live. On a terminal it takes the alternate screen and gives back what
 * was there, however it ends; elsewhere it prints one block a period. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "ctl/client.h"
#include "ctl/status.h"
#include "ctl/style.h"
#include "ctl/when.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#define USUAL_MS 1000
#define LEAST_MS 100
#define MOST_MS 3600000
#define TRY_AGAIN_MS 1000
#define ANSWER_MAX ((size_t)4 * 1024 * 1024)
#define STEP 65536

/* The alternate screen without cursor and wrapping, and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

struct watcher {
    const struct context *context;
    int every_ms;
    bool screen, keys; /* standard output, and input, are a terminal */
    struct termios before;
    int signals;
    int fd; /* of the daemon; -1: it does not run */
    char *line;
    size_t size;
    json_t *status;       /* the newest; NULL: none since it was lost */
    int64_t gone_real_ms; /* since then it does not run; 0: it does */
    int64_t try_at_ms;
    bool over;
};

static void enter(struct watcher *watcher) {
    struct termios raw;
    if (watcher->keys && tcgetattr(STDIN_FILENO, &watcher->before) == 0) {
        raw = watcher->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    }
    fputs(ENTER, stdout);
    fflush(stdout);
}

static void leave(struct watcher *watcher) {
    fputs(LEAVE, stdout);
    fflush(stdout);
    if (watcher->keys)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &watcher->before);
}

/* The lines of text that fit, from the top, each cleared to its end. */
static void put_lines(const char *text, size_t most) {
    fputs("\033[H", stdout);
    for (size_t i = 0; i < most && *text; i++) {
        size_t length = strcspn(text, "\n");
        fwrite(text, 1, length, stdout);
        fputs("\033[K\r\n", stdout);
        text += length;
        text += *text == '\n';
    }
    fputs("\033[J", stdout);
}

static void write_block(const struct watcher *watcher, FILE *to) {
    char since[STYLE_TIME_SIZE], duration[STYLE_DURATION_SIZE], text[256];
    if (watcher->status) {
        status_print(to, watcher->status);
        return;
    }
    if (watcher->gone_real_ms == 0)
        return;
    snprintf(text, sizeof text, "liftgwd is NOT RUNNING since %s (%s), trying again",
             style_time(watcher->gone_real_ms, since),
             style_duration(clock_now().real_ms - watcher->gone_real_ms, duration));
    fputs(style_begin(to, STYLE_BAD), to);
    style_wrap(to, text, 0, 0);
    fputs(style_end(to, STYLE_BAD), to);
}

static void put_footer(const struct watcher *watcher, size_t line) {
    char now[STYLE_TIME_SIZE], every[STYLE_DURATION_SIZE], text[128], cut[128];
    snprintf(text, sizeof text, "q ends; every %s; %s", style_duration(watcher->every_ms, every),
             style_time(clock_now().real_ms, now));
    style_cut(cut, sizeof cut, text, style_columns(stdout));
    printf("\033[%zu;1H", line);
    style_print(stdout, STYLE_DIM, cut);
    fputs("\033[K", stdout);
}

static void draw(struct watcher *watcher) {
    char *text = NULL;
    size_t size = 0;
    size_t lines = style_lines(stdout);
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return;
    write_block(watcher, memory);
    fclose(memory);
    if (watcher->screen) {
        put_lines(text, lines > 1 ? lines - 1 : 1);
        put_footer(watcher, lines);
    } else {
        printf("%s\n", text);
    }
    if (fflush(stdout) != 0)
        watcher->over = true;
    free(text);
}

static void lose(struct watcher *watcher) {
    if (watcher->fd >= 0)
        close(watcher->fd);
    watcher->fd = -1;
    watcher->size = 0;
    json_decref(watcher->status);
    watcher->status = NULL;
    if (watcher->gone_real_ms == 0)
        watcher->gone_real_ms = clock_now().real_ms;
    bool often = watcher->screen || watcher->every_ms < TRY_AGAIN_MS;
    watcher->try_at_ms = clock_mono_ms() + (often ? TRY_AGAIN_MS : watcher->every_ms);
}

/* Asks a daemon that runs for its status, again and again. */
static void try_connect(struct watcher *watcher) {
    char request[64];
    int size = snprintf(request, sizeof request, "{\"cmd\":\"watch\",\"every_ms\":%d}\n", watcher->every_ms);
    watcher->fd = client_connect(watcher->context);
    if (watcher->fd >= 0 && send(watcher->fd, request, (size_t)size, MSG_NOSIGNAL) == size)
        return;
    lose(watcher);
    draw(watcher);
}

static void take_line(struct watcher *watcher, const char *line, size_t size) {
    json_t *status = json_loadb(line, size, 0, NULL);
    if (!json_is_true(json_object_get(status, "ok"))) {
        json_decref(status);
        return;
    }
    json_decref(watcher->status);
    watcher->status = status;
    watcher->gone_real_ms = 0;
    draw(watcher);
}

static void hear(struct watcher *watcher) {
    watcher->line = memory_grow(watcher->line, watcher->size + STEP, 1);
    ssize_t got = recv(watcher->fd, watcher->line + watcher->size, STEP, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || watcher->size > ANSWER_MAX) {
        lose(watcher);
        draw(watcher);
        return;
    }
    watcher->size += (size_t)got;
    char *end;
    while ((end = memchr(watcher->line, '\n', watcher->size))) {
        size_t size = (size_t)(end - watcher->line);
        take_line(watcher, watcher->line, size);
        watcher->size -= size + 1;
        memmove(watcher->line, end + 1, watcher->size);
    }
}

static void take_signal(struct watcher *watcher) {
    struct signalfd_siginfo info;
    if (read(watcher->signals, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGTSTP) { /* Ctrl-Z: the shell gets its screen, and gives it back */
        leave(watcher);
        kill(getpid(), SIGSTOP);
        enter(watcher);
    }
    if (info.ssi_signo == SIGWINCH || info.ssi_signo == SIGTSTP)
        draw(watcher);
    else
        watcher->over = true;
}

static void take_key(struct watcher *watcher) {
    char key;
    if (read(STDIN_FILENO, &key, 1) != 1)
        watcher->keys = false;
    else if (key == 'q' || key == 'Q')
        watcher->over = true;
}

static int wait_ms(const struct watcher *watcher) {
    if (watcher->fd >= 0)
        return -1;
    int64_t left = watcher->try_at_ms - clock_mono_ms();
    return left > 0 ? (int)left : 0;
}

static void watch(struct watcher *watcher) {
    while (!watcher->over) {
        struct pollfd fds[] = {{.fd = watcher->signals, .events = POLLIN},
                               {.fd = watcher->keys ? STDIN_FILENO : -1, .events = POLLIN},
                               {.fd = watcher->fd, .events = POLLIN}};
        if (watcher->fd < 0 && wait_ms(watcher) == 0)
            try_connect(watcher);
        fds[2].fd = watcher->fd;
        if (poll(fds, 3, wait_ms(watcher)) <= 0)
            continue;
        if (fds[0].revents)
            take_signal(watcher);
        if (fds[1].revents)
            take_key(watcher);
        if (fds[2].revents && !watcher->over)
            hear(watcher);
    }
}

/* On a screen, everything that would end the program becomes readable, so that the screen is always given back. */
static int catch_signals(void) {
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaddset(&set, caught[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int run(const struct context *context, int every_ms) {
    int status;
    int fd = client_begin(context, &status);
    if (fd < 0)
        return status;
    close(fd);
    struct watcher watcher = {.context = context,
                              .every_ms = every_ms,
                              .screen = style_is_terminal(stdout),
                              .keys = style_is_terminal(stdout) && isatty(STDIN_FILENO) == 1,
                              .signals = -1,
                              .fd = -1};
    if (watcher.screen) {
        watcher.signals = catch_signals();
        enter(&watcher);
    }
    watch(&watcher);
    if (watcher.screen)
        leave(&watcher);
    if (watcher.fd >= 0)
        close(watcher.fd);
    json_decref(watcher.status);
    free(watcher.line);
    return EX_OK;
}

int watch_run(const struct context *context, int argc, char *argv[]) {
    static const struct option names[] = {{"every", required_argument, NULL, 'e'}, {0}};
    int64_t every_ms = USUAL_MS;
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option != 'e')
            return command_help(argv[0], false);
        if (!when_duration(optarg, &every_ms) || every_ms < LEAST_MS || every_ms > MOST_MS) {
            log_error("--every takes a duration from 100ms to 1h, for example 2s; not \"%s\"", optarg);
            return EX_USAGE;
        }
    }
    if (optind < argc)
        return command_help(argv[0], false);
    return run(context, (int)every_ms);
}
