"""The manual pages say what the programs know: every option, command, key and topic, and no other."""

import json
import re
import subprocess

import pytest

from harness import wait_for
from harness.paths import BUILD, CONFIG, SOURCE

MAN = SOURCE / "gateway" / "man"
PAGES = sorted(MAN.glob("*.[1-8]"))
SCHEMA = CONFIG / "schema"


def page(name):
    return (MAN / name).read_text()


def words(text):
    """The page's words in bold (.Cm), in lists like "Cm a , b" too."""
    found = set()
    for line in re.findall(r"^\.(?:It )?Cm ([\w ,.]+?)(?: Ta .*)?$", text, re.MULTILINE):
        found |= set(re.findall(r"\w+", line))
    return found


def plain(text):
    """Without mdoc, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"^\.\w\w .*$|\\&", "", text, flags=re.MULTILINE))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_page_is_well_formed(path):
    lint = subprocess.run(["mandoc", "-T", "lint", path], capture_output=True, text=True)
    complaints = [line for line in lint.stdout.splitlines()
                  if "referenced manual not found" not in line and "mandoc.db" not in line]
    assert not complaints, "\n".join(complaints)


def test_pages_name_only_pages_that_exist():
    ours = {path.name for path in PAGES}
    for path in PAGES:
        for name, section in re.findall(r"\.Xr (liftgw\S*) (\d)", path.read_text()):
            assert f"{name}.{section}" in ours, f"{path.name} names {name}({section})"


def long_options(text):
    return set(re.findall(r"--([a-z][a-z-]+)", text))


@pytest.mark.parametrize("program, name, ask", [("liftgwd", "liftgwd.8", "-h"), ("liftgw-sim", "liftgw-sim.1", "--help")])
def test_options_of_help_and_page_are_the_same(program, name, ask):
    said = subprocess.run([BUILD / program, ask], capture_output=True, text=True, timeout=20).stdout
    written = page(name)
    assert long_options(said) == set(re.findall(r"Fl -([a-z][a-z-]+)", written))
    if program == "liftgwd":
        assert set(re.findall(r"^  -(\w)", said, re.MULTILINE)) == set(re.findall(r"^\.It Fl (\w)", written, re.MULTILINE))


def options(text):
    """Long and short ones of a help text."""
    return set(re.findall(r"(?<![\w-])-(-[a-z][a-z-]*|[a-zA-Z])\b", text))


def test_the_tools_page_has_every_command_and_option_and_no_other():
    def help_of(*arguments):
        return subprocess.run([BUILD / "liftgwctl", *arguments], capture_output=True, text=True, timeout=20).stdout

    usage, text = help_of("-h"), page("liftgwctl.1")
    before, rest = text.split(".Sh COMMANDS", 1)
    assert options(usage) - {"-help"} == set(re.findall(r"^\.It Fl (\w)", before, re.MULTILINE))
    parts = re.split(r"^\.It Ic (\w+)", rest[:rest.index(".Sh ")], flags=re.MULTILINE)[1:]
    written = {}
    for command, part in zip(parts[::2], parts[1::2]):
        written.setdefault(command, set()).update(re.findall(r"\bFl (-[a-z][a-z-]*|[a-zA-Z]\b)", part))
    known = re.findall(r"^  ([a-z]+) ", usage, re.MULTILINE)
    assert list(written) == known
    for command in known:
        assert written[command] == options(help_of(command, "--help")), command


def test_the_simulators_page_has_every_command_and_no_other():
    table = (SOURCE / "gateway" / "sim" / "command.c").read_text()
    known = set(re.findall(r'\{"([a-z-]+)", VERB_', table))
    assert len(known) > 20
    text = page("liftgw-sim.1")
    items = re.findall(r"^\.It (.*)$", text[text.index(".Sh COMMANDS"):text.index(".Sh EXAMPLES")], re.MULTILINE)
    written = set()
    for command in re.findall(r"\bIc ([a-z| -]+)", "\n".join(items)):
        written |= set(command.split()) - {"|"}
    arguments = {"unit", "on", "off", "get"}
    assert known <= written | {"get"}, sorted(known - written)
    assert written <= known | arguments, sorted(written - known)


def test_the_simulators_examples_work(tmp_path):
    start, fault = re.findall(r"^\.Dl \$ (.*)$", page("liftgw-sim.1"), re.MULTILINE)
    start, fault = (line.replace("/tmp/", f"{tmp_path}/") for line in (start, fault))
    _, *options = start.split()
    simulator = subprocess.Popen([BUILD / "liftgw-sim", *options, "--profile-dir", CONFIG / "profiles"],
                                 stdin=subprocess.DEVNULL)
    try:
        wait_for((tmp_path / "bus.sock").exists, what="the simulator's control socket")
        answer = subprocess.run(["bash", "-c", fault], capture_output=True, text=True, timeout=20)
        assert answer.returncode == 0 and answer.stdout.startswith("ok "), answer
    finally:
        simulator.terminate()
        simulator.wait(10)


def configuration_keys():
    """{section: [(key, sentence, range)]} of the example, which another test holds together with the program."""
    keys, section, comment = {}, None, []
    for line in (CONFIG / "liftgw.cfg.example").read_text().splitlines():
        text = line.strip()
        if text.startswith("# "):
            comment.append(text[2:])
            continue
        match = re.match(r"(\w+)\s*([:=])", text.lstrip("#").strip())
        if not match:
            continue
        key = match.group(1)
        if len(comment) >= 2:
            keys.setdefault(section, []).append((key, comment[-2], comment[-1]))
        if match.group(2) == ":" or key == "buses":
            section = key
        comment = []
    return keys


def test_the_configuration_page_has_every_key_and_no_other():
    text = page("liftgw.cfg.5")
    keys = configuration_keys()
    limits = {key for key, _, _ in keys["gateway"]} & {key for key, _, _ in keys["lifts"]} - {"id"}
    for section in ("gateway", "broker", "buses", "lifts", "parts"):
        part = text[text.index(f".Ss {section}"):]
        part = part[:part.index("\n.S", 5)]
        written = re.findall(r"^\.It Cm (\w+)$", part, re.MULTILINE)
        expected = [key for key, _, _ in keys[section] if section != "lifts" or key not in limits]
        assert written == expected, section
        for key, sentence, span in keys[section]:
            if key in expected:
                said = f"{sentence} {span[0].upper()}{span[1:]}."
                assert said in plain(part), f"{section}.{key}: the page does not say: {said}"


def test_the_configuration_page_begins_with_a_good_one(tmp_path):
    [text] = re.findall(r'example: configuration\n\.Bd [^\n]*\n(.*?)\n\.Ed', page("liftgw.cfg.5"), re.DOTALL)
    folders = f'  profile_dirs = ("{CONFIG}/profiles"); codes_dirs = ("{CONFIG}/codes");\n'
    path = tmp_path / "liftgw.cfg"
    path.write_text(text.replace("gateway: {\n", "gateway: {\n" + folders, 1))
    result = subprocess.run([BUILD / "liftgwd", "-t", "-c", path], capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr


def names_in(schema, found):
    if isinstance(schema, dict):
        found |= set(schema.get("properties", {}))
        for value in schema.values():
            names_in(value, found)
    elif isinstance(schema, list):
        for value in schema:
            names_in(value, found)
    return found


def schemas():
    return {path.stem: json.loads(path.read_text()) for path in SCHEMA.glob("*.json")}


def test_the_topics_page_has_every_key_and_no_other():
    text = page("liftgw-topics.7")
    body = text[text.index(".Ss Keys of every message"):]
    known = set()
    for schema in schemas().values():
        names_in(schema, known)
    written = words(body)
    missing = {key for key in known if key not in written}
    assert not missing, f"the page does not name {sorted(missing)}"
    events = set(schemas()["event"]["properties"]["event"]["enum"])
    events |= set(schemas()["gateway-event"]["properties"]["event"]["enum"])
    faults = set(schemas()["common"]["$defs"]["fault"]["enum"])
    topics = {"fault", "event", "report", "meta", "link", "state", "status", "health", "health_interval_s"}
    assert written <= known | events | faults | topics, sorted(written - known - events - faults - topics)


def test_the_topics_page_has_every_fault_event_and_topic():
    text = page("liftgw-topics.7")
    table = text[text.index(".Sh FAULTS"):]
    ids = re.findall(r"^\.It Cm (\w+) Ta", table, re.MULTILINE)
    assert ids == schemas()["common"]["$defs"]["fault"]["enum"]
    for kind, title in (("event", "event/TYPE of a lift"), ("gateway-event", "event/TYPE of a gateway")):
        part = text[text.index(f".Ss {title}"):]
        part = part[:part.index(".El")]
        written = words("\n".join(re.findall(r"^\.It .*$", part, re.MULTILINE)))
        assert written == set(schemas()[kind]["properties"]["event"]["enum"])
    for topic in ("fault/", "state", "link", "counters", "meta", "report/day and report/month", "event/", "status", "health"):
        assert f".Ss {topic}" in text, topic
