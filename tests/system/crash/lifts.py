"""What was told of the lifts against what was so: faults, their counts and gaps, rides, states."""

import collections

from .lives import RESTART_S
from .truth import CODE, FAULTS

# From a change in the registers to the time in the message: the rest of a poll, and a slow machine.
LATE_S = 1.5
EARLY_S = 0.02
# A register is believed to have fallen after that long (profiles.md, clear_after_ms); one code follows another at once.
CLEAR_AFTER_S = 1.0
CYCLE_MIN_S = 0.1  # min_poll_ms
UNREAD_RIDES = 5   # that a lift makes between the last reading of its counter and a reset

INVENTED, MISSING = "that none is invented", "that all faults are there"
COUNTS, GAPS, RIDES = "of counts", "of gaps", "of rides"


def lift_name(unit):
    return f"L-{unit}"


def examine(judge):
    judge.faults = judge.must_see = 0
    counts = Faults(judge).examine()
    Counters(judge, counts).examine()
    examine_states(judge)


class Faults:
    def __init__(self, judge):
        self.judge, self.blame, self.mono = judge, judge.blame, judge.mono
        self.truth, self.lives = judge.scene.truth, judge.scene.gateway_lives.all
        self.cycle = requests_per_cycle(self.truth)

    def examine(self):
        """How often each fault of each lift was told and counted."""
        told = collections.defaultdict(list)
        for seq, (topic, data) in self.judge.stream.items():
            if topic.split("/")[5] == "fault":
                told[data["lift"], data["fault"]].append(data)
                self.judge.faults += 1
        known = {(lift_name(unit), fault) for unit, fault in self.truth.phases}
        for lift, fault in set(told) - known:
            self.blame(INVENTED, f"{lift} {fault} never was: seq {told[lift, fault][0]['seq']}")
        self._examine_starts(told)
        return {key: self._follow(key, told[lift_name(key[0]), key[1]]) for key in self.truth.phases}

    def _follow(self, key, told):
        """The story of one fault. A value is 0, 1 or a code; steps are the times at which it was told."""
        steps, count, raised, superseded = [(float("-inf"), 0)], 0, None, False
        for data in told:
            what, at = f"seq {data['seq']}: {data['lift']} {data['fault']} {data['event']}", self.mono(data["time"])
            value = self._value_of(key, data)
            if (value != 0) == (steps[-1][1] != 0):
                self.blame(INVENTED, f"{what} twice", at)
            if at <= steps[-1][0] and not superseded:
                self.blame(1, f"{what} is not later than what was told before it", at)
            superseded = data["reason"] == "superseded"
            if not superseded:
                self._examine_value(what, at, data, key, value)
            if value:
                raised = data
                count += not data["at_start"]
            else:
                self._examine_clear(what, at, data, raised)
            if data["count"] != count:
                self.blame(COUNTS, f"{what} says count {data['count']}, it is {count}", at)
            steps.append((at, value))
        if steps[-1][1] != self.truth.now(*key):
            self.blame(MISSING, f"{lift_name(key[0])} {key[1]} is {self.truth.now(*key)}, told is {steps[-1][1]}")
        self._examine_presence(key, steps)
        return count

    @staticmethod
    def _value_of(key, data):
        if data["event"] == "cleared":
            return 0
        return data["raw"]["value"] if key[1] == CODE else 1

    def _examine_value(self, what, at, data, key, value):
        if not self.truth.was(*key, value, at - LATE_S, at + EARLY_S):
            self.blame(INVENTED, f"{what} (value {value}), and it was not so", at)
        if data["after_gap"]:
            self._examine_gap(what, at, data, key, value)

    def _examine_starts(self, told):
        """The first poll ever happens once."""
        starts = collections.defaultdict(set)
        for (lift, _fault), messages in told.items():
            starts[lift] |= {data["time"] for data in messages if data["at_start"]}
        for lift, times in starts.items():
            if len(times) > 1:
                self.blame(COUNTS, f"{lift} says at_start at {sorted(times)}, and the first poll ever happens once")

    def _examine_clear(self, what, at, data, raised):
        if not raised:
            return
        if data["raised_time"] != raised["time"]:
            self.blame(2, f"{what} says raised_time {data['raised_time']}, it was {raised['time']}", at)
        if abs(data["duration_s"] - (at - self.mono(raised["time"]))) > 0.2:
            self.blame(2, f"{what} says duration {data['duration_s']}, raised at {raised['time']}", at)

    def _examine_gap(self, what, at, data, key, value):
        begin, end = self.mono(data["not_before"]), self.mono(data["not_after"])
        born = max((life.begin for life in self.lives if life.begin <= at), default=0)
        if at - born > RESTART_S:
            self.blame(GAPS, f"{what} says after_gap, {at - born:.1f} s after the start", at)
        for before, life in reversed(list(zip(self.lives, self.lives[1:]))):
            if begin < life.end < end and life.last - life.first < self._requests_until(0):
                begin = min(begin, before.end - CLEAR_AFTER_S)  # it ended before a delay did, and left no trace of it
        changes = [phase.begin for phase in self.truth.phases[key] if phase.value == value]
        if not any(begin - LATE_S <= change <= end + EARLY_S for change in changes):
            ages = ", ".join(f"{at - change:.3f} s" for change in changes[-4:])
            self.blame(GAPS, f"{what} says from {data['not_before']} to {data['not_after']}; it was {ages} before", at)

    def _requests_until(self, value):
        """How many requests at most until a value is believed: two cycles, and a delay."""
        delay_s = 0 if value else CLEAR_AFTER_S
        return 2 * self.cycle + delay_s * self.cycle / CYCLE_MIN_S

    def _examine_presence(self, key, steps):
        """Each value that stood for two cycles and more while one liftgwd polled is told."""
        for phase in self.truth.phases[key][1:]:
            lives = [life for life in self.lives
                     if common_requests(phase, life, self.cycle) >= self._requests_until(phase.value)]
            self.judge.must_see += len(lives)
            missed = [life for life in lives if not self._is_told(phase, life, steps)]
            if missed:
                begin, end = max(phase.begin, missed[0].begin), min(phase.end, missed[0].end)
                self.blame(MISSING, f"{lift_name(key[0])} {key[1]} was {phase.value} for {end - begin:.3f} s of "
                           "a life of liftgwd, and nobody was told", begin)

    @staticmethod
    def _is_told(phase, life, steps):
        begin, end = max(phase.begin, life.begin), min(phase.end, life.end) + LATE_S
        before = [value for at, value in steps if at < begin + EARLY_S]
        within = [value for at, value in steps if begin - EARLY_S <= at <= end]
        return phase.value in [before[-1], *within]


class Counters:
    def __init__(self, judge, counts):
        self.judge, self.blame, self.counts = judge, judge.blame, counts
        self.truth, self.lives = judge.scene.truth, judge.scene.gateway_lives.all

    def examine(self):
        for lift, sent in sent_of_lifts(self.judge, "counters"):
            unit, last = int(lift.removeprefix("L-")), {}
            for message in sent:
                last = self._examine_message(lift, message, last)
            self._examine_rides(lift, unit, last["rides"], sent[-1].time)
            for fault in (*FAULTS, CODE):
                if last.get(fault, 0) != self.counts[unit, fault]:
                    self.blame(COUNTS, f"{lift} counters say {last.get(fault, 0)} times {fault}, told were "
                               f"{self.counts[unit, fault]}", sent[-1].time)
        self._examine_resets()

    def _examine_message(self, lift, message, last):
        """As sent: a broker that was killed may tell an old one again."""
        rides = message.data["rides_total"]
        if rides and rides["source"] != "device":
            self.blame(RIDES, f"{lift} counts for itself, and its rides are {rides['source']}", message.time)
        totals = {**message.data["faults_total"], "rides": rides["value"] if rides else 0}
        for name, total in totals.items():
            if total < last.get(name, 0):
                self.blame(2, f"{lift} counters: {name} went from {last[name]} down to {total}", message.time)
        return totals

    def _examine_rides(self, lift, unit, told, at):
        """The controller's own count; what it forgets in a reset stands, but for rides that nobody had read yet."""
        most, unread = self.truth.device_rides(unit), 1  # the lift rides on
        if unit == self.truth.lifts:
            most, unread = most + self.truth.lost_rides, 1 + UNREAD_RIDES * len(self.truth.resets)
        if not most - unread <= told <= most:
            self.blame(RIDES, f"{lift} says {told}, the controller {most}", at)

    def _examine_resets(self):
        """Each reset that stood while the counters were read is told once, and no other."""
        told, resets = set(), self.truth.resets[1:]
        for seq, (topic, data) in self.judge.stream.items():
            if data["event"] not in ("counter_reset", "controller_replaced"):
                continue
            at = self.judge.mono(data["time"])
            found = [i for i, phase in enumerate(resets) if self._is_told_by(phase, data, at)]
            if not found or found[0] in told:
                self.blame(RIDES, f"seq {seq}: {data['lift']} {data['event']} was not so, or was told before", at)
            told |= set(found[:1])
        cycle = requests_per_cycle(self.truth)
        for i, phase in enumerate(resets):
            requests = max(common_requests(phase, life, cycle) for life in self.lives)
            if requests >= 2 * self.truth.lifts * cycle and i not in told:  # a cycle reads one lift's counters
                self.blame(RIDES, f"{lift_name(self.truth.lifts)} counted anew from {phase.value}, for {requests} "
                           "requests, and nobody was told", phase.begin)

    def _is_told_by(self, phase, data, at):
        return (data["lift"] == lift_name(self.truth.lifts) and data["event"] == "counter_reset" and
                data["counter"] == "rides_total" and phase.begin - EARLY_S <= at <= phase.end + LATE_S and
                phase.value <= data["is"] < data["was"])


def examine_states(judge):
    """Promise 2: a state shows what has been told; the last one shows what is."""
    raises = {seq: (data["lift"], data["fault"]) for seq, (topic, data) in judge.stream.items()
              if data["event"] == "raised"}
    for lift, sent in sent_of_lifts(judge, "state"):
        shown_first = {(fault["fault"], fault["seq"]): message.time for message in reversed(sent)
                       for fault in message.data["faults"]}
        for (fault, seq), at in shown_first.items():
            if raises.get(seq) != (lift, fault):
                judge.blame(2, f"{lift} state shows {fault} of seq {seq}, which is not its raise", at)
    examine_last_states(judge)


def examine_last_states(judge):
    for lift, sent in sent_of_lifts(judge, "state"):
        shown = {fault["fault"] for fault in sent[-1].data["faults"]}
        unit = int(lift.removeprefix("L-"))
        real = {fault for fault in (*FAULTS, CODE) if judge.scene.truth.now(unit, fault)}
        if shown != real:
            judge.blame(2, f"{lift} state shows {sorted(shown)}, really {sorted(real)}", sent[-1].time)


def requests_per_cycle(truth):
    """At most: each lift's fast read and one slow."""
    return truth.lifts + 1


def common_requests(phase, life, first_cycle):
    """How many requests a liftgwd certainly made while a value stood, without those of its start."""
    return min(phase.last, life.last) - max(phase.first, life.first + first_cycle)


def sent_of_lifts(judge, leaf):
    by_lift = collections.defaultdict(list)
    for sent in list(judge.scene.proxy.sent):
        if sent.leaf == leaf:
            by_lift[sent.lift].append(sent)
    return sorted(by_lift.items())
