/* The ledger: lift records, counters and every message that was promised, in one SQLite file.
 *
 * A lift's state and the message that tells of its change are written in one transaction, before the message is sent
 * (design.md 3, promise 2). A message waits here until the broker acknowledged it; then it is history. */
#ifndef LIFTGW_STORE_LEDGER_H
#define LIFTGW_STORE_LEDGER_H

#include "model/report.h"

#define LEDGER_TOPIC_SIZE 640
#define LEDGER_PAYLOAD_SIZE 4096
#define LEDGER_SERIES_SIZE 9

enum ledger_opening {
    LEDGER_FAILED, /* cannot be opened or created; why has been logged */
    LEDGER_NEWER,  /* written by a newer version: left alone */
    LEDGER_OPENED,
    LEDGER_CREATED, /* there was no file */
    LEDGER_REPLACED /* was empty, damaged or another program's: set aside with its date, a new one begun */
};

struct ledger;

struct ledger_settings {
    const char *path;     /* "…/ledger.db" */
    int64_t max_messages; /* outbox_max_events: how many may wait */
    int history_days;     /* how long acknowledged ones are kept */
};

/* Opens or creates the ledger for this process alone; everything else is refused until ledger_close. series is drawn
 * with a new file. After a run that did not end in ledger_close the whole file is checked first (0.2 s for 100 MB, or
 * what the disk takes). Of a damaged file, lift records, retained topics and facts are taken over if they can be read.
 * NULL with LEDGER_FAILED or LEDGER_NEWER. */
struct ledger *ledger_open(const struct ledger_settings *settings, enum ledger_opening *opening);
void ledger_close(struct ledger *ledger);

/* What a ledger took the place of. It is owed an announcement from the transaction that made it until the one that
 * tells: ledger_replacement_told goes into the same transaction as the message. */
struct ledger_replacement {
    char why[256];                   /* plain ASCII */
    char aside[256];                 /* the name of the file now, in the same folder */
    char series[LEDGER_SERIES_SIZE]; /* of the old ledger, "" if that cannot be read any more; */
    int64_t last_seq;                /* and the last seq that was drawn from it */
    int salvaged;                    /* rows of records that were taken over */
};
/* 1 an announcement is owed, 0 none, -1. */
int ledger_replacement(struct ledger *ledger, struct ledger_replacement *replaced);
int ledger_replacement_told(struct ledger *ledger);
/* New bounds for the open ledger, after a reload. */
void ledger_set_bounds(struct ledger *ledger, int64_t max_messages, int history_days);
const char *ledger_series(const struct ledger *ledger); /* eight hex digits */
uint64_t ledger_next_seq(const struct ledger *ledger);
/* True once SQLite found the file damaged while it was in use: little will work any more. Close the ledger and end with
 * EX_IOERR; the next ledger_open checks the whole file and sets it aside. */
bool ledger_is_damaged(const struct ledger *ledger);
/* Why the last thing that was to be written could not be; "" if it could. */
const char *ledger_reason(const struct ledger *ledger);

/* All that follows returns 0, or -1 after logging why (disk full, I/O error). A failed transaction is rolled back
 * whole, and the numbers that it drew are drawn again. */
int ledger_begin(struct ledger *ledger);
int ledger_commit(struct ledger *ledger);
void ledger_rollback(struct ledger *ledger);

/* The record kept for a lift: 1 found, 0 none, -1. */
int ledger_lift_load(struct ledger *ledger, const char *lift, struct lift_record *record);
/* Writes the rows of the record that are marked as changed. The caller clears the marks after the commit. */
int ledger_lift_save(struct ledger *ledger, const char *lift, const struct lift_record *record);

/* What is kept of a lift's open day or month: 1 found, 0 none, or nothing that makes sense, -1. */
int ledger_report_load(struct ledger *ledger, const char *lift, enum report_period period, struct report *report);
int ledger_report_save(struct ledger *ledger, const char *lift, enum report_period period, const struct report *report);

/* No lift's part counts as online any more: at start, before the first poll. */
int ledger_lifts_offline(struct ledger *ledger);

/* Draws the next seq, and the next n of topic. Inside a transaction, each followed by ledger_add. */
int ledger_number(struct ledger *ledger, const char *topic, uint64_t *seq, uint64_t *n);
/* Adds a message of fault, event or report to those that wait. */
int ledger_add(struct ledger *ledger, uint64_t seq, const char *topic, bool retain, const char *payload,
               int64_t real_ms);

/* A message that waits. */
struct ledger_message {
    uint64_t seq;
    bool retain;
    int64_t real_ms;
    char topic[LEDGER_TOPIC_SIZE];
    size_t payload_size;
    char payload[LEDGER_PAYLOAD_SIZE + 1];
};
/* The first message that waits with a seq above after: 1 found, 0 none, -1. */
int ledger_waiting(struct ledger *ledger, uint64_t after, struct ledger_message *message);
/* The broker acknowledged it (refused: it said that it never will; the message is history all the same). sent_real_ms:
 * when it was last handed over. */
int ledger_done(struct ledger *ledger, uint64_t seq, int64_t sent_real_ms, int64_t done_real_ms, bool refused);

struct ledger_depth {
    int64_t waiting;
    int64_t oldest_real_ms; /* 0 if none waits */
    int64_t dropped;        /* ever, at the bound */
};
void ledger_depth(struct ledger *ledger, struct ledger_depth *depth);

/* At the bound: drops the oldest waiting messages above keep (those up to it are in flight), at once a hundredth of
 * max_messages and at least two, so that the gap message of each such drop has room too. count 0: there is room and
 * nothing was dropped; else from..to are the seqs of the first and the last. Inside a transaction. */
int ledger_drop_oldest(struct ledger *ledger, uint64_t keep, uint64_t *from, uint64_t *to, uint64_t *count);
/* Calls visit with the payload of each message of topic that was dropped, from..to. */
int ledger_each_dropped(struct ledger *ledger, const char *topic, uint64_t from, uint64_t to,
                        void (*visit)(void *context, const char *payload), void *context);
/* Deletes history older than history_days, and the oldest where more than max_messages of it are kept; at most a few
 * hundred at once, never what waits. Cheap when there is nothing to do; call it every minute or so. */
int ledger_prune(struct ledger *ledger, int64_t real_ms);

/* A message of the history, or one that still waits; the texts are valid during the visit. */
enum ledger_outcome { LEDGER_WAITING, LEDGER_ACKNOWLEDGED, LEDGER_REFUSED, LEDGER_DROPPED };
struct ledger_past {
    uint64_t seq;
    enum ledger_outcome outcome;
    int64_t real_ms, sent_real_ms, done_real_ms; /* 0: not sent, not done */
    const char *topic, *payload;
};
/* Calls visit for at most limit messages with a seq above after, oldest first. 0, or -1. */
int ledger_history(struct ledger *ledger, uint64_t after, int limit,
                   void (*visit)(void *context, const struct ledger_past *past), void *context);
/* The seq of the first message kept that is not older than real_ms, as far as the clock ran on; ledger_next_seq if none
 * is. 0, or -1. */
int ledger_history_since(struct ledger *ledger, int64_t real_ms, uint64_t *seq);

/* Keeps how a lift came to the raise that message seq tells of (trail.h), until that message is deleted. */
int ledger_trail_add(struct ledger *ledger, uint64_t seq, const char *points);
/* 1 found, 0 none, -1. */
int ledger_trail_get(struct ledger *ledger, uint64_t seq, char *points, size_t size);

/* Retained topics that the broker may hold for us, so that they can be cleared when their owner leaves. */
int ledger_retained_add(struct ledger *ledger, const char *owner, const char *topic);
/* Calls visit for each; visit must not change the ledger. Its result other than 0 ends the walk. */
int ledger_retained_each(struct ledger *ledger, int (*visit)(const char *owner, const char *topic, void *context),
                         void *context);
int ledger_retained_remove(struct ledger *ledger, const char *topic);

/* Small facts by name that outlive a restart (the last-alive stamp, the boot id, …). */
int ledger_fact_put(struct ledger *ledger, const char *name, const char *text);
/* 1 found, 0 none, -1. */
int ledger_fact_get(struct ledger *ledger, const char *name, char *text, size_t size);

#endif
