/* What liftgw-publish gives up before it speaks to the network. The only reader of seccomp.h. */
#ifndef LIFTGW_PUBLISH_SANDBOX_H
#define LIFTGW_PUBLISH_SANDBOX_H

/* Gives up, for this process and for good: to gain privileges, to leave a core dump or be traced by its own user, to
 * change anything in the file system, to execute or fork, to look into or signal other processes, to listen, and
 * every socket that is not IPv4, IPv6 or the resolver's netlink. What is given up fails with EPERM and the like;
 * nothing is killed for it. The whole process or, if other threads run already, its caller and what that starts. 0, or
 * -1 with errno if this kernel cannot do all of it: it has then done what it can. */
int sandbox_enter(void);

#endif
