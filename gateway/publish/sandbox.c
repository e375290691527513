#include "publish/sandbox.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* A list of what is denied, not of what is allowed: glibc's resolver, its NSS modules, OpenSSL, paho and the sanitizers
 * decide which calls they make, and in ten years they will make others. A list of what is allowed would then stop the
 * messages of a whole city after an upgrade of libc; this one only does not know yet what a new kernel brings. For the
 * same reason a denied call fails as if the user were not allowed to make it. What this libseccomp or architecture has
 * no number for is left out: the unit's filter (systemd/liftgwd.service.in), which is a list of what is allowed, is the
 * second lock. Only calls of other ABIs (i386 and x32 on amd64), which nothing here makes, do kill: that is
 * libseccomp's way. */
struct denial {
    const char *call;
    int error;
};
static const struct denial denials[] = {
    /* glibc knows an older way, whose arguments can be looked at. */
    {"clone3", ENOSYS},
    {"openat2", ENOSYS},
    {"io_uring_setup", ENOSYS},
    /* to change the file system; openings are looked at below */
    {"creat", EPERM},
    {"mkdir", EPERM},
    {"mkdirat", EPERM},
    {"mknod", EPERM},
    {"mknodat", EPERM},
    {"link", EPERM},
    {"linkat", EPERM},
    {"symlink", EPERM},
    {"symlinkat", EPERM},
    {"unlink", EPERM},
    {"unlinkat", EPERM},
    {"rmdir", EPERM},
    {"rename", EPERM},
    {"renameat", EPERM},
    {"renameat2", EPERM},
    {"truncate", EPERM},
    {"chmod", EPERM},
    {"fchmod", EPERM},
    {"fchmodat", EPERM},
    {"fchmodat2", EPERM},
    {"chown", EPERM},
    {"lchown", EPERM},
    {"fchown", EPERM},
    {"fchownat", EPERM},
    {"utime", EPERM},
    {"utimes", EPERM},
    {"utimensat", EPERM},
    {"futimesat", EPERM},
    {"setxattr", EPERM},
    {"lsetxattr", EPERM},
    {"fsetxattr", EPERM},
    {"setxattrat", EPERM},
    {"removexattr", EPERM},
    {"lremovexattr", EPERM},
    {"fremovexattr", EPERM},
    {"removexattrat", EPERM},
    {"mount", EPERM},
    {"umount2", EPERM},
    {"open_tree", EPERM},
    {"move_mount", EPERM},
    {"fsopen", EPERM},
    {"fsmount", EPERM},
    {"mount_setattr", EPERM},
    {"chroot", EPERM},
    {"pivot_root", EPERM},
    {"open_by_handle_at", EPERM},
    /* to become another program, or two */
    {"execve", EPERM},
    {"execveat", EPERM},
    {"fork", EPERM},
    {"vfork", EPERM},
    {"unshare", EPERM},
    {"setns", EPERM},
    /* to meddle with other processes: liftgwd runs as the same user */
    {"ptrace", EPERM},
    {"process_vm_readv", EPERM},
    {"process_vm_writev", EPERM},
    {"process_madvise", EPERM},
    {"kcmp", EPERM},
    {"pidfd_open", EPERM},
    {"pidfd_getfd", EPERM},
    {"pidfd_send_signal", EPERM},
    {"kill", EPERM},
    {"tkill", EPERM},
    {"rt_sigqueueinfo", EPERM},
    {"rt_tgsigqueueinfo", EPERM},
    /* to be called */
    {"listen", EPERM},
    {"accept", EPERM},
    {"accept4", EPERM},
    {"socketpair", EPERM},
    /* parts of the kernel that a publisher never needs and that others have broken out through */
    {"bpf", EPERM},
    {"perf_event_open", EPERM},
    {"userfaultfd", EPERM},
    {"add_key", EPERM},
    {"request_key", EPERM},
    {"keyctl", EPERM},
};

/* The address families that connections and the resolver need: getaddrinfo asks netlink which addresses the box has.
 * AF_UNIX is not among them, since that is how everything else on the box is reached, liftgwd's own control socket
 * first. NSS modules that ask a daemon (nscd, systemd-resolved, avahi) find it gone, and glibc goes on to `dns`. */
static const int families[] = {AF_INET, AF_INET6, AF_NETLINK};

/* Number of a call here; negative if it does not exist. */
static int number_of(const char *call) {
    return seccomp_syscall_resolve_name(call);
}

static int deny(scmp_filter_ctx filter, const struct denial *denial) {
    int number = number_of(denial->call);
    return number < 0 ? 0 : seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned)denial->error), number, 0);
}

/* An opening that could write: by its flags, which are this argument of the call. */
static int deny_writing(scmp_filter_ctx filter, const char *call, unsigned argument) {
    static const struct {
        scmp_datum_t mask, value;
    } flags[] = {{O_ACCMODE, O_WRONLY},
                 {O_ACCMODE, O_RDWR},
                 {O_ACCMODE, O_ACCMODE}, /* Linux: neither, but to control a device */
                 {O_CREAT, O_CREAT},
                 {O_TRUNC, O_TRUNC}};
    int number = number_of(call);
    int result = 0;
    for (size_t i = 0; number >= 0 && result == 0 && i < COUNT_OF(flags); i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 1,
                                  SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, flags[i].mask, flags[i].value));
    return result;
}

/* The kernel takes an int: the other half of the register is noise. */
static struct scmp_arg_cmp first_argument(enum scmp_compare how, int value) {
    return (struct scmp_arg_cmp){.op = how, .datum_a = (uint32_t)value};
}

/* libseccomp joins the comparisons of one rule with "and": not this family, and not that. */
static int deny_other_sockets(scmp_filter_ctx filter) {
    _Static_assert(COUNT_OF(families) == 3, "one gap before, between and after each");
    _Static_assert(AF_INET < AF_INET6 && AF_INET6 < AF_NETLINK, "in order");
    const struct scmp_arg_cmp below = first_argument(SCMP_CMP_LT, families[0]);
    const struct scmp_arg_cmp above = first_argument(SCMP_CMP_GT, families[2]);
    int number = number_of("socket");
    int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), number, 1, below);
    for (int family = families[0] + 1; result == 0 && family < families[2]; family++)
        if (family != families[1])
            result =
                seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), number, 1, first_argument(SCMP_CMP_EQ, family));
    return result == 0 ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), number, 1, above) : result;
}

/* Threads are made, processes are not; abort() signals this process and getrlimit() asks for this one, nobody else. */
static int deny_other_processes(scmp_filter_ctx filter) {
    int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number_of("clone"), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number_of("tgkill"), 1,
                                  first_argument(SCMP_CMP_NE, getpid()));
    if (result == 0)
        result =
            seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number_of("prlimit64"), 1, first_argument(SCMP_CMP_NE, 0));
    return result;
}

static int add_all(scmp_filter_ctx filter) {
    int result = 0;
    for (size_t i = 0; result == 0 && i < COUNT_OF(denials); i++)
        result = deny(filter, &denials[i]);
    if (result == 0)
        result = deny_writing(filter, "open", 1);
    if (result == 0)
        result = deny_writing(filter, "openat", 2);
    if (result == 0)
        result = deny_other_sockets(filter);
    return result == 0 ? deny_other_processes(filter) : result;
}

int sandbox_enter(void) {
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core dump, no /proc/PID/mem, no ptrace: there is a password in here */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter) {
        errno = ENOMEM;
        return -1;
    }
    int result = add_all(filter);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    errno = -result;
    return result == 0 ? 0 : -1;
}
