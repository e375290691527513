"""What the installer's page and liftgwctl(1) show is what the tools print: every command is run, on a simulated bus."""

import json
import re
import shlex
import subprocess

import pytest

from harness import wait_for
from harness.lines import LineSocket
from harness.paths import BUILD, CONFIG, SOURCE

PAGES = [CONFIG / "installer.md", CONFIG / "installer.zh-CN.md"]
MAN = SOURCE / "gateway" / "man" / "liftgwctl.1"
BUS = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"
URL = "mqtts://broker.city.example:8883"
START = "sudo systemctl enable --now liftgwd"


def blocks(path):
    """What stands in the page as typed and printed."""
    text = path.read_text()
    if path == MAN:
        text = text[text.index(".Sh EXAMPLES"):]
        return [block.replace("\\&", "") for block in re.findall(r"^\.Bd -literal\n(\$ .*?)^\.Ed", text, re.M | re.S)]
    return re.findall(r"^```console\n(.*?)^```", text, re.M | re.S)


def shown(path):
    """[(command, output)] of a page."""
    return [(command, output) for block in blocks(path)
            for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M)]


def configuration(path):
    return re.search(r"```libconfig\n(.*?)```", path.read_text(), re.S).group(1)


NUMBER = r"\d+(?:\.\d+)?"
MASKS = [
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
    (rf"{NUMBER} (?:ms|s|min|h|d)\b(?: {NUMBER} (?:ms|s|min|h)\b)?", "DURATION"),
    (r"\b[0-9a-f]{8}\b", "SERIES"),
    (r"\.cfg:\d+", ".cfg:LINE"),
    (r"clock \w+", "clock CLOCK"),
    (r"\d+ %", "PERCENT"),
    (r"PERCENT DURATION \d+ (?:none|[a-z]+ \d+(?:, [a-z]+ \d+)*)", "PERCENT DURATION POLLS ERRORS"),
]


def masked(text):
    """Without times, ids, how busy the bus is, and how the lines are broken."""
    text = re.sub(r"\s+", " ", text).strip()
    for pattern, word in MASKS:
        text = re.sub(pattern, word, text)
    return text


def is_what_is_shown(printed, output):
    """A line of three dots in the page leaves something out."""
    parts = [masked(part) for part in re.split(r"^(?:\.\.\.|…)\n", output, flags=re.M)]
    return re.fullmatch(".*".join(re.escape(part) for part in parts), masked(printed)) is not None


class Site:
    """A stairwell as the page has it, in which its commands are run."""

    def __init__(self, world, certificates, credentials):
        (credentials / "mqtt-password").write_text("as the city gave it\n")
        still = world.folder / "still.scenario"
        still.write_text("at 0 unit * hold on\n")
        self.simulator = world.simulator(units=["1=generic-ba", "2=generic-ba"], baud=9600,
                                         arguments=("--scenario", still))
        self.broker = world.broker(password="as the city gave it", certificates=certificates)
        self.gateway = world.gateway(self.broker, self.simulator, start=False)
        self.path = self.gateway.path
        self.gateway.write = lambda: None
        self.pairs = [(BUS, str(self.simulator.device)), (URL, self.broker.url),
                      ("/etc/liftgw/city-ca.pem", str(certificates.ca))]

    def edit(self, text):
        """Step 3, with what must stand elsewhere here."""
        folders = (f'state_dir = "{self.gateway.folder}/state"; control = "{self.gateway.control_path}";'
                   f'profile_dirs = ("{CONFIG}/profiles"); codes_dirs = ("{CONFIG}/codes");')
        text = text.replace("gateway: {", "gateway: { " + folders)
        for there, here in self.pairs:
            text = text.replace(there, here)
        self.path.write_text(text)
        self.path.chmod(0o600)

    def start(self):
        self.gateway.start()
        wait_for(self._all_is_well, what="both lifts and the broker")

    def _all_is_well(self):
        status = self.gateway.status()
        units = [unit for lift in status["lifts"] for unit in lift["units"]]
        return (status["broker"]["connected"] and status["outbox"]["events"] == 0
                and all(unit["reach"] & 0xFF == 0xFF for unit in units))

    def run(self, command):
        if command == START:
            self.start()
            return ""
        if self.gateway.process:
            wait_for(lambda: self.gateway.status()["outbox"]["events"] == 0, what="an empty outbox")
        command = command.replace("$BUS", BUS)
        for there, here in self.pairs:
            command = command.replace(there, here)
        _, *arguments = shlex.split(command)
        result = subprocess.run([BUILD / "liftgwctl", "-c", self.path, *arguments], text=True, timeout=60,
                                cwd=self.path.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)
        output = result.stdout
        for there, here in self.pairs:
            output = output.replace(here, there)
        return output


def play(site):
    """Every command of the page, once, in its order: {command: what it printed}."""
    printed = {}
    for command, _ in shown(PAGES[0]) + shown(MAN):
        if command in printed:
            continue
        printed[command] = site.run(command)
        if " init " in command:
            site.edit(configuration(PAGES[0]))
    return printed


@pytest.fixture
def site(world, certificates, tmp_path_factory, monkeypatch):
    credentials = tmp_path_factory.mktemp("credentials")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    return Site(world, certificates, credentials)


def test_every_command_prints_what_is_shown(site):
    printed = play(site)
    assert len(printed) >= 9
    for path in PAGES + [MAN]:
        assert shown(path)
        for command, output in shown(path):
            assert is_what_is_shown(printed[command], output), f"{path.name}: {command} printed:\n{printed[command]}"
    every_request_of_the_page_is_taken(site)


def every_request_of_the_page_is_taken(site):
    text = MAN.read_text()
    text = text[text.index(".Sh CONTROL SOCKET"):text.index(".Sh ENVIRONMENT")]
    requests = re.findall(r'^\{"cmd":.*\}$', text, re.M)
    assert {json.loads(request)["cmd"] for request in requests} == known_commands()
    for request in requests:
        if json.loads(request)["cmd"] == "retire":
            continue
        connection = LineSocket(site.gateway.control_path, timeout=20)
        answer = json.loads(connection.ask(request))
        connection.close()
        assert answer["ok"], f"{request}: {answer}"


def known_commands():
    """The rows of the daemon's table."""
    table = (SOURCE / "gateway" / "daemon" / "commands.c").read_text()
    table = table[table.index("*name;\n    command *run;"):]
    return set(re.findall(r'\{"([a-z]+)", \w+\}', table))


def test_both_languages_show_the_same():
    one, other = PAGES
    assert blocks(one) == blocks(other)
    assert configuration(one) == configuration(other)
    shells = [re.findall(r"^(?!#)(\S.*?)(?: +#.*)?$", block, re.M) for path in PAGES
              for block in re.findall(r"^```sh\n(.*?)^```", path.read_text(), re.M | re.S)]
    assert shells[:len(shells) // 2] == shells[len(shells) // 2:]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_in_the_text_is_one(path):
    usage = subprocess.run([BUILD / "liftgwctl", "-h"], capture_output=True, text=True, timeout=20).stdout
    known = set(re.findall(r"^  ([a-z]+) ", usage, re.M))
    text = path.read_text()
    used = set(re.findall(r"liftgwctl ([a-z]+)", text))
    assert len(used) >= 9 and used <= known, used - known
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_the_decision_table_quotes_is_what_the_tools_say(path):
    sources = [*(SOURCE / "gateway" / "ctl").glob("*.c"), *(SOURCE / "gateway" / "modbus").glob("*.c")]
    said = " ".join(re.sub(r'"\s*\n\s*"', "", source.read_text()) for source in sources)
    for quoted in ("Nothing answers", "Framing errors without end", "A and B are swapped", "is the adapter plugged in?",
                   "Bytes without end that nobody asked for", "two devices with one unit number", "no permission on",
                   "Frames passed that answer questions of somebody else", "answers, but never well", "NOT connected",
                   "whatever the settings", "This adapter hears what it sends", "Not every answer is good",
                   "in use by another program"):
        assert quoted in path.read_text() and quoted in said, quoted
