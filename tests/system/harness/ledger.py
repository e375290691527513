"""ledger.db while no gateway has it open: what waits in it, and a backlog as after a long outage."""

import contextlib
import json
import sqlite3


@contextlib.contextmanager
def opened(path):
    database = sqlite3.connect(path)
    try:
        with database:
            yield database
    finally:
        database.close()


def fill(path, count):
    """Adds count messages that wait: copies of the newest fault message, each with its own numbers, on four topics."""
    with opened(path) as database:
        template, real_ms = database.execute(
            "SELECT payload, real_ms FROM message JOIN topic ON topic.id = message.topic"
            " WHERE topic.topic LIKE '%/fault/%' ORDER BY seq DESC LIMIT 1").fetchone()
        [next_seq] = database.execute("SELECT next_seq FROM series").fetchone()
        base = next(row[0] for row in database.execute("SELECT topic FROM topic WHERE topic LIKE '%/fault/%'"))
        topics = [base.rpartition("/")[0] + "/" + fault
                  for fault in ("brake_fault", "overspeed", "encoder_fault", "drive_fault")]
        numbers = {}
        for topic in topics:
            database.execute("INSERT OR IGNORE INTO topic(topic, n) VALUES(?, 0)", (topic,))
            numbers[topic] = list(database.execute("SELECT id, n FROM topic WHERE topic = ?", (topic,)).fetchone())
        payload = json.loads(template)

        def rows():
            for seq in range(next_seq, next_seq + count):
                topic = topics[seq % len(topics)]
                numbers[topic][1] += 1
                n = numbers[topic][1]
                cleared = n % 2 == 0
                payload.update(seq=seq, n=n, fault=topic.rpartition("/")[2], event="cleared" if cleared else "raised",
                               reason="gone" if cleared else None, duration_s=1.5 if cleared else None,
                               raised_time=payload["time"] if cleared else None)
                yield seq, numbers[topic][0], 1, real_ms, 0x7FFFFFFFFFFF, json.dumps(payload, separators=(",", ":"))

        database.executemany(
            "INSERT INTO message(seq, topic, retain, real_ms, done_real_ms, payload) VALUES(?, ?, ?, ?, ?, ?)", rows())
        database.executemany("UPDATE topic SET n = ? WHERE id = ?", [(n, number) for number, n in numbers.values()])
        database.execute("UPDATE series SET next_seq = ?", (next_seq + count,))
