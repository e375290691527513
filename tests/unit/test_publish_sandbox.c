/* What liftgw-publish can no longer do once it is confined, tried in a process of its own; and what it still can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "publish/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* In /tmp: a folder of the test's own with a file in it. */
static char folder[64], file[80], other[80];

static int open_to_write(void) {
    return open(file, O_WRONLY);
}
static int open_to_read_and_write(void) {
    return open(file, O_RDWR);
}
static int open_to_append(void) {
    return open(file, O_WRONLY | O_APPEND);
}
static int open_to_make(void) {
    return open(other, O_RDONLY | O_CREAT, 0600);
}
static int open_to_empty(void) {
    return open(file, O_RDONLY | O_TRUNC);
}
static int open_without_a_name(void) {
    return open(folder, O_TMPFILE | O_RDWR, 0600);
}
static int open_the_new_way(void) {
    struct {
        uint64_t flags, mode, resolve;
    } how = {.flags = O_WRONLY};
    return (int)syscall(SYS_openat2, AT_FDCWD, file, &how, sizeof how);
}
static int open_own_memory(void) {
    return open("/proc/self/mem", O_RDWR);
}
static int remove_file(void) {
    return unlink(file);
}
static int rename_file(void) {
    return rename(file, other);
}
static int link_file(void) {
    return link(file, other);
}
static int symlink_file(void) {
    return symlink(file, other);
}
static int truncate_file(void) {
    return truncate(file, 0);
}
static int make_folder(void) {
    return mkdir(other, 0700);
}
static int remove_folder(void) {
    return rmdir(folder);
}
static int make_fifo(void) {
    return mkfifo(other, 0600);
}
static int change_mode(void) {
    return chmod(file, 0777);
}
static int change_owner(void) {
    return chown(file, getuid(), getgid());
}
static int change_times(void) {
    return utimes(file, NULL);
}
static int execute(void) {
    return execl("/bin/true", "true", (char *)NULL);
}
/* A child that was made all the same ends at once. */
static int fork_once(void) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid;
}
static int fork_by_hand(void) {
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return (int)pid;
}
static int run_a_shell(void) {
    int status = system("true");
    return status == -1 || (WIFEXITED(status) && WEXITSTATUS(status) == 127) ? -1 : 0;
}
static int trace_parent(void) {
    return (int)ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}
static int read_parent(void) {
    struct iovec here = {.iov_base = other, .iov_len = 1};
    struct iovec there = {.iov_base = file, .iov_len = 1};
    return (int)process_vm_readv(getppid(), &here, 1, &there, 1, 0);
}
static int signal_parent(void) {
    return kill(getppid(), 0);
}
static int signal_parents_thread(void) {
    return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}
static int limit_parent(void) {
    struct rlimit limit;
    return prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit);
}
static int unix_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM, 0);
}
static int unix_pair(void) {
    int pair[2];
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}
static int packet_socket(void) {
    return socket(AF_PACKET, SOCK_RAW, 0);
}
static int vsock_socket(void) {
    return socket(AF_VSOCK, SOCK_STREAM, 0);
}
static int ax25_socket(void) {
    return socket(AF_AX25, SOCK_DGRAM, 0);
}
static int be_called(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? 0 : listen(fd, 1);
}
static int new_user_namespace(void) {
    return unshare(CLONE_NEWUSER);
}
static int load_bpf(void) {
    return (int)syscall(SYS_bpf, 0, NULL, 0);
}
static int make_ring(void) {
    char parameters[256] = {0};
    return (int)syscall(SYS_io_uring_setup, 1, parameters);
}

static const struct attempt {
    const char *name;
    int (*attempt)(void);
    int error; /* 0: any */
} denied[] = {
    {"open to write", open_to_write, EPERM},
    {"open to read and write", open_to_read_and_write, EPERM},
    {"open to append", open_to_append, EPERM},
    {"open to make", open_to_make, EPERM},
    {"open to empty", open_to_empty, EPERM},
    {"open without a name", open_without_a_name, EPERM},
    {"openat2", open_the_new_way, ENOSYS},
    {"its own memory", open_own_memory, EPERM},
    {"unlink", remove_file, EPERM},
    {"rename", rename_file, EPERM},
    {"link", link_file, EPERM},
    {"symlink", symlink_file, EPERM},
    {"truncate", truncate_file, EPERM},
    {"mkdir", make_folder, EPERM},
    {"rmdir", remove_folder, EPERM},
    {"mkfifo", make_fifo, EPERM},
    {"chmod", change_mode, EPERM},
    {"chown", change_owner, EPERM},
    {"utimes", change_times, EPERM},
    {"execve", execute, EPERM},
    {"fork", fork_once, EPERM},
    {"clone", fork_by_hand, EPERM},
    {"system", run_a_shell, 0},
    {"ptrace", trace_parent, EPERM},
    {"process_vm_readv", read_parent, EPERM},
    {"kill", signal_parent, EPERM},
    {"tgkill", signal_parents_thread, EPERM},
    {"prlimit", limit_parent, EPERM},
    {"AF_UNIX", unix_socket, EAFNOSUPPORT},
    {"socketpair", unix_pair, EPERM},
    {"AF_PACKET", packet_socket, EAFNOSUPPORT},
    {"AF_VSOCK", vsock_socket, EAFNOSUPPORT},
    {"AF_AX25", ax25_socket, EAFNOSUPPORT},
    {"listen", be_called, EPERM},
    {"a user namespace", new_user_namespace, EPERM},
    {"bpf", load_bpf, EPERM},
    {"io_uring", make_ring, ENOSYS},
};

static int read_a_file(void) {
    char bytes[8];
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, bytes, sizeof bytes) == 5 ? 0 : -1;
}
static int connect_out(void) {
    int fd4 = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    return fd4 < 0 || (fd6 < 0 && errno == EPERM) ? -1 : 0;
}
static int resolve_a_name(void) {
    struct addrinfo *found = NULL;
    int result = getaddrinfo("localhost", "8883", NULL, &found);
    if (result == 0)
        freeaddrinfo(found);
    return result;
}
static void *thread_body(void *argument) {
    return argument;
}
static int start_a_thread(void) {
    pthread_t thread;
    return pthread_create(&thread, NULL, thread_body, NULL) == 0 ? pthread_join(thread, NULL) : -1;
}
static int ask_own_limit(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit);
}
static int write_the_log(void) {
    return fprintf(stderr, "%s", "") >= 0 ? 0 : -1;
}

static const struct attempt allowed[] = {
    {"read a file", read_a_file, 0}, {"connect", connect_out, 0},     {"resolve a name", resolve_a_name, 0},
    {"a thread", start_a_thread, 0}, {"getrlimit", ask_own_limit, 0}, {"the log", write_the_log, 0},
};

/* Runs body in a child, since nobody comes out of the sandbox again; its exit status. */
static int in_a_child(int (*body)(void)) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(body());
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int try_denied(void) {
    int wrong = sandbox_enter() == 0 ? 0 : 1;
    for (size_t i = 0; i < COUNT_OF(denied); i++) {
        errno = 0;
        if (denied[i].attempt() >= 0 || (denied[i].error != 0 && errno != denied[i].error)) {
            fprintf(stderr, "%s: %s\n", denied[i].name, strerror(errno));
            wrong++;
        }
    }
    return wrong;
}

static int try_allowed(void) {
    int wrong = sandbox_enter() == 0 ? 0 : 1;
    for (size_t i = 0; i < COUNT_OF(allowed); i++)
        if (allowed[i].attempt() != 0) {
            fprintf(stderr, "%s: %s\n", allowed[i].name, strerror(errno));
            wrong++;
        }
    return wrong;
}

static int look_at_itself(void) {
    struct rlimit core;
    bool good = sandbox_enter() == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
                prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
                getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0;
    return good ? 0 : 1;
}

static void gives_up_what_it_does_not_need(void **state) {
    (void)state;
    assert_int_equal(in_a_child(try_denied), 0);
    struct stat info;
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_size, 5);
    assert_int_equal(access(other, F_OK), -1);
}

static void keeps_what_it_needs(void **state) {
    (void)state;
    assert_int_equal(in_a_child(try_allowed), 0);
}

static void leaves_no_core_and_gains_nothing(void **state) {
    (void)state;
    assert_int_equal(in_a_child(look_at_itself), 0);
}

/* A table of attempts that fail for another reason would prove nothing. */
static void could_all_be_done_before(void **state) {
    static int (*const harmless[])(void) = {
        open_to_write, open_to_append, read_a_file, change_mode, change_times,           fork_once,       unix_socket,
        unix_pair,     signal_parent,  be_called,   run_a_shell, open_to_read_and_write, open_own_memory, limit_parent};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(harmless); i++)
        assert_true(harmless[i]() >= 0);
}

static int make_files(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/liftgw-sandbox-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof file, "%s/file", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    ssize_t wrote = write(fd, "hello", 5);
    close(fd);
    return wrote == 5 ? 0 : -1;
}

static int remove_files(void **state) {
    (void)state;
    unlink(file);
    unlink(other);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(could_all_be_done_before),
        cmocka_unit_test(gives_up_what_it_does_not_need),
        cmocka_unit_test(keeps_what_it_needs),
        cmocka_unit_test(leaves_no_core_and_gains_nothing),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
