#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

int64_t clock_mono_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_mono_ms(void) {
    return clock_mono_ns() / NS_PER_MS;
}

/* systemd-timesyncd.service(8): the file is touched on each successful synchronisation. The kernel takes a clock for
 * unsynchronised once its error may exceed 16 s, growing by 500 ppm (kernel/time/ntp.c, MAXFREQ and NTP_PHASE_LIMIT):
 * 32000 s after the last time that somebody set it right. The same is said of the file. */
#define TIMESYNC_FILE "/run/systemd/timesync/synchronized"
#define TIMESYNC_VALID_S 32000

static bool is_synced_by_timesyncd(void) {
    struct stat info;
    if (stat(TIMESYNC_FILE, &info) != 0)
        return false;
    time_t age = time(NULL) - info.st_mtime;
    return age >= 0 && age < TIMESYNC_VALID_S;
}

/* The kernel knows whether somebody disciplines the clock: adjtimex(2), STA_UNSYNC. Under ProtectClock=yes
 * (systemd.exec(5)) nobody may ask it: reading the clock's state and setting it are one system call. */
static bool is_synced(void) {
    struct timex state = {.modes = 0};
    int known = adjtimex(&state);
    if (known < 0)
        return errno == EPERM && is_synced_by_timesyncd();
    return known != TIME_ERROR && !(state.status & STA_UNSYNC);
}

/* To ask the kernel costs sixty times what reading a clock costs, and the answer seldom changes: it holds for a second,
 * but not beyond a jump of the clock. */
#define ANSWER_HOLDS_MS 1000
#define JUMP_MS 2

static bool was_just_synced(int64_t mono_ms, int64_t real_ms) {
    static _Thread_local struct {
        int64_t mono_ms, offset_ms;
        bool synced;
    } answer = {.mono_ms = -ANSWER_HOLDS_MS};
    int64_t offset_ms = real_ms - mono_ms;
    bool jumped = offset_ms < answer.offset_ms - JUMP_MS || offset_ms > answer.offset_ms + JUMP_MS;
    if (jumped || mono_ms - answer.mono_ms >= ANSWER_HOLDS_MS) {
        answer.synced = is_synced();
        answer.mono_ms = mono_ms;
        answer.offset_ms = offset_ms;
    }
    return answer.synced;
}

struct instant clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t mono_ms = clock_mono_ms();
    int64_t real_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
    return (struct instant){.mono_ms = mono_ms, .real_ms = real_ms, .synced = was_just_synced(mono_ms, real_ms)};
}

/* A timer ends a sleep late, by 50 to 150 us where the processor has gone to sleep as well. So each thread sets its
 * timers earlier by the least that the last ones were late, and waits awake for what may then be left of the time: a
 * microsecond or two on the average. */
#define LATENESS_MOST_NS INT64_C(200000)
#define LATENESS_SHARE 16

static int64_t next_lateness_ns(int64_t lateness_ns, int64_t seen_ns) {
    if (seen_ns > LATENESS_MOST_NS)
        seen_ns = LATENESS_MOST_NS;
    return seen_ns < lateness_ns ? seen_ns : lateness_ns + (seen_ns - lateness_ns) / LATENESS_SHARE;
}

void clock_sleep_until_ns(int64_t mono_ns) {
    static _Thread_local int64_t lateness_ns;
    int64_t timer_ns = mono_ns - lateness_ns;
    if (clock_mono_ns() < timer_ns) {
        struct timespec until = {.tv_sec = timer_ns / NS_PER_S, .tv_nsec = timer_ns % NS_PER_S};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
        }
        lateness_ns = next_lateness_ns(lateness_ns, clock_mono_ns() - timer_ns);
    }
    while (clock_mono_ns() < mono_ns) {
    }
}

const char *clock_text(int64_t real_ms, char text[CLOCK_TEXT_SIZE]) {
    int64_t seconds = real_ms / 1000;
    int64_t rest = real_ms % 1000;
    if (rest < 0) {
        rest += 1000;
        seconds--;
    }
    time_t t = (time_t)seconds;
    struct tm utc;
    char date[24] = "1970-01-01T00:00:00";
    if (gmtime_r(&t, &utc))
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, CLOCK_TEXT_SIZE, "%s.%03dZ", date, (int)rest);
    return text;
}
