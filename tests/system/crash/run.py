"""Rounds of trouble, now and then a look at whether all promises still hold, and the figures."""

import collections
import time

from .trouble import TROUBLES

ROUNDS_BETWEEN_LOOKS = 20
LONGEST_CALM_S = 2.0
QUIET_SPELLS = 0.4  # of all spells between two looks: liftgwd lives on, and has to find its way alone


def endure(scene, rounds, seconds=float("inf")):
    """True if nothing was wrong. Prints the figures, and every violation with promise, seq, fault and time."""
    done = collections.Counter()
    until = time.monotonic() + seconds
    well = True
    while well and sum(done.values()) < rounds and time.monotonic() < until:
        troubles = TROUBLES
        if sum(done.values()) > 0 and scene.rng.random() < QUIET_SPELLS:
            troubles = [trouble for trouble in TROUBLES if not trouble.restarts]
        scene.truth.resume()
        for _ in range(min(ROUNDS_BETWEEN_LOOKS, rounds - sum(done.values()))):
            if time.monotonic() > until:
                break
            wait_for_a_moment(scene)
            [trouble] = scene.rng.choices(troubles, [trouble.weight for trouble in troubles])
            trouble.bring(scene)
            done[trouble] += 1
        well = look(scene, done, restart=time.monotonic() > until)
    return well


def wait_for_a_moment(scene):
    """Mostly soon after a change, when it is polled, committed, sent and acknowledged; else any moment."""
    if scene.rng.random() < 0.7:
        scene.truth.changed.clear()
        scene.truth.changed.wait(LONGEST_CALM_S)
        time.sleep(scene.rng.uniform(0, 0.25))
    else:
        time.sleep(scene.rng.uniform(0, LONGEST_CALM_S))


def look(scene, done, restart):
    wrong = scene.settle(restart)
    print(figures(scene, done), flush=True)
    for sentence in wrong:
        print(f"WRONG: {sentence}", flush=True)
    return not wrong


def figures(scene, done):
    kinds = "".join(f"\n  {count:6} {trouble.name}" for trouble, count in done.most_common())
    kills = sum(trouble.kills * count for trouble, count in done.items())
    judge = scene.judge
    return (f"{sum(done.values())} rounds with {kills} kills:{kinds}\n"
            f"  asked of the simulator: {scene.truth.changes} changes, {scene.truth.rides} rides; "
            f"{judge.must_see} times somebody had to be told\n"
            f"  {judge.messages} messages on {len(scene.proxy.connects)} connections, {len(judge.stream)} of them "
            f"numbered, {judge.faults} of faults, {judge.duplicates} repeated\n"
            f"  {len(judge.lost)} were acknowledged and lost by a broker that was killed, {judge.broker_disorder} put "
            f"out of order by one; {len(judge.dropped)} were dropped at the bound and named")
