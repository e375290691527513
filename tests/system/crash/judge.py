"""Design.md's promises against what was so, what the gateway sent and what the subscriber got."""

import collections
import datetime
import time

from harness import schemas

from . import lifts
from .lives import RESTART_S

STREAM = ("fault", "event", "report")  # the topics of which each message has seq and n
BROKER_WRITES_S = 5.0  # a killed broker may lose what it acknowledged before it wrote it down
WRONG_MAX = 200


def seq_of(sent):
    return sent.data.get("seq") if sent.payload and sent.leaf.split("/")[0] in STREAM else None


def named_by_gaps(stream):
    return {seq for data in stream if data["event"] == "gap" for seq in range(data["from"], data["to"] + 1)}


class Judge:
    """Its figures are of the last look."""

    def __init__(self, scene):
        self.scene = scene
        self.offset = time.time() - time.monotonic()
        self.wrong, self.schema_problems = [], []
        self.messages = 0  # received and held against the schemas
        self.stream = {}   # seq: topic and data, as it arrived first, or as sent if the broker lost it
        self.sent = {}     # seq: what was sent first
        self.dropped = []  # seqs that did not arrive because a gap says so
        self.lost = {}     # seq: what the broker acknowledged and lost
        self.duplicates = self.broker_disorder = self.faults = self.must_see = 0

    def blame(self, promise, text, when=None):
        at = f" at {datetime.datetime.fromtimestamp(when + self.offset).isoformat(' ', 'milliseconds')}" if when else ""
        if len(self.wrong) < WRONG_MAX:
            self.wrong.append(f"promise {promise}{at}: {text}")

    def mono(self, text):
        """A message's time on the clock of the simulator."""
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() - self.offset

    def has_arrived(self, newest):
        """Whether nothing is under way any more."""
        received = [message.data for message in self._received()]
        seqs = {data["seq"] for data in received} | named_by_gaps(received)
        return all(seq in seqs or self._excuse(seq) for seq in range(1, newest + 1))

    def examine(self, status):
        """Everything so far, when all is quiet and the outbox is empty: what is wrong, as sentences."""
        self.wrong = []
        self._examine_schemas()
        self._examine_gaps()
        self._examine_sent()
        self._examine_arrivals(status["outbox"]["next_seq"] - 1, status["outbox"]["series"])
        self._examine_connects()
        if self.dropped:
            lifts.examine_last_states(self)
        else:  # what was dropped tells no story
            self._examine_topics()
            lifts.examine(self)
        for end in self.scene.self_made_ends():
            self.blame("of the programs", f"one ended by itself: {end}")
        if status["outbox"]["events"]:
            self.blame(4, f"{status['outbox']['events']} messages still wait, the broker: {status['broker']}")
        if status["outbox"]["dropped"] < len(self.dropped):
            self.blame(4, f"{status['outbox']['dropped']} messages were dropped, {len(self.dropped)} are missing")
        return self.wrong

    def _received(self):
        with self.scene.subscriber.lock:
            return [message for message in self.scene.subscriber.messages if message.is_stream]

    def _excuse(self, seq):
        """The PUBACK of a broker that was killed soon after it."""
        for acknowledged in list(self.scene.proxy.acknowledged):
            if seq_of(acknowledged.sent) != seq:
                continue
            life = self.scene.broker_lives.at(acknowledged.time)
            if life.killed and life.end - acknowledged.time < BROKER_WRITES_S:
                return acknowledged
        return None

    def _examine_schemas(self):
        with self.scene.subscriber.lock:
            messages = self.scene.subscriber.messages[self.messages:]
        self.messages += len(messages)
        for message in messages:
            self.schema_problems += schemas.problems(message.topic, message.payload, message.retain)
        for problem in self.schema_problems:
            self.blame("of the schemas", problem)

    def _examine_gaps(self):
        """Promise 4: each message that was dropped is named, and counted. A gap that was dropped itself, perhaps after
        it had arrived, is told again by the next: then it counts twice."""
        gaps = {data["seq"]: data for data in (message.data for message in self._received()) if data["event"] == "gap"}
        self.named = named_by_gaps(gaps.values())
        self.counted = sum(data["count"] for data in gaps.values())

    def _examine_sent(self):
        """Promise 1 as the broker was handed it: first sendings in order, one content for each seq."""
        first, highest, within = {}, 0, {}
        for sent in list(self.scene.proxy.sent):
            seq = seq_of(sent)
            if seq is None:
                continue
            before = within.get(sent.connection, 0)
            if seq in first and first[seq].payload != sent.payload:
                self.blame(1, f"seq {seq} was sent as {first[seq].payload!r}, then as {sent.payload!r}", sent.time)
            if seq not in first and seq != highest + 1 and not self.named & set(range(highest + 1, seq)):
                self.blame(1, f"seq {seq} of {sent.topic} was first sent after {highest}", sent.time)
            if seq <= before and sent.connection not in self.scene.proxy.refused:
                self.blame(1, f"seq {seq} was sent after {before} on one connection", sent.time)
            within[sent.connection] = seq
            first.setdefault(seq, sent)
            highest = max(highest, seq)
        self.sent = first

    def _examine_arrivals(self, newest, series):
        """Promise 1 as the subscriber got it, from 1 to the newest that the ledger has given."""
        first, highest = {}, 0
        self.duplicates = self.broker_disorder = 0
        for message in self._received():
            data = message.data
            seq = data["seq"]
            if data["series"] != series:
                self.blame(1, f"seq {seq} is of series {data['series']}, not {series}: a new ledger", message.time)
            elif seq in first:
                self.duplicates += 1
                if first[seq].payload != message.payload:
                    self.blame(1, f"seq {seq} of {message.topic} arrived with two contents", message.time)
            else:
                if seq < highest:
                    self._out_of_order(seq, highest, message)
                first[seq] = message
                highest = max(highest, seq)
        self._collect(first, newest)

    def _out_of_order(self, seq, highest, message):
        """The order of sending is judged apart; a broker that was killed may have mixed up what it kept."""
        if any(life.killed and life.end < message.time < life.end + 60 for life in self.scene.broker_lives.all):
            self.broker_disorder += 1
        else:
            self.blame(1, f"seq {seq} of {message.topic} first arrived after {highest}", message.time)

    def _collect(self, first, newest):
        self.stream, self.dropped = {}, []
        for seq in range(1, newest + 1):
            excuse = None if seq in first else self._excuse(seq)
            if seq in first:
                self.stream[seq] = first[seq].topic, first[seq].data
            elif excuse:
                self.lost[seq] = excuse
                self.stream[seq] = excuse.sent.topic, excuse.sent.data
            elif seq in self.named:
                self.dropped.append(seq)
            else:
                sent = f"{self.sent[seq].topic} was sent" if seq in self.sent else "it was never sent"
                self.blame(1, f"seq {seq} is missing; {sent}")
        if len(self.dropped) > self.counted:
            self.blame(4, f"{len(self.dropped)} messages are missing, gaps count {self.counted}: {self.dropped}")
        for seq in sorted(set(first) - set(self.stream)):
            self.blame(2, f"seq {seq} of {first[seq].topic} arrived, and the ledger has given no more than {newest}")

    def _examine_topics(self):
        numbers = collections.Counter()
        for seq, (topic, data) in self.stream.items():
            numbers[topic] += 1
            if data["n"] != numbers[topic]:
                self.blame(1, f"seq {seq} of {topic} has n {data['n']} where {numbers[topic]} was due")
                numbers[topic] = data["n"]

    def _examine_connects(self):
        """Promise 3: what was known before the connection comes before all that waited."""
        sent = collections.defaultdict(list)
        for message in list(self.scene.proxy.sent):
            sent[message.connection].append(message)
        for number, at in list(self.scene.proxy.connects):
            waited = next((i for i, message in enumerate(sent[number]) if seq_of(message) is not None), None)
            if waited is None:
                continue
            what = f"seq {seq_of(sent[number][waited])} came before"
            before = collections.Counter(message.leaf for message in sent[number][:waited])
            if not before["status"]:
                self.blame(3, f"{what} the status", at)
            if at - self.scene.gateway_lives.at(at).begin < RESTART_S:
                continue  # the lifts may have been unknown yet
            for leaf in ("link", "state", "counters"):
                if before[leaf] < self.scene.truth.lifts:
                    self.blame(3, f"{what} the {leaf} of every lift; before it: {dict(before)}", at)
