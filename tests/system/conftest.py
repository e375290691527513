"""The world of one test: everything that it starts is stopped, checked and, when it failed, shown."""

import pytest

from harness import Broker, Certificates, Gateway, Simulator, Subscriber

LOG_TAIL = 6000


class World:
    """Makes and starts the parts of a test; each gets a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.gateways, self.simulators, self.brokers, self.subscribers, self.processes = [], [], [], [], []

    def new_folder(self, name):
        number = 1 + sum(1 for path in self.folder.iterdir() if path.name.startswith(name))
        folder = self.folder / f"{name}{number}"
        folder.mkdir()
        return folder

    def broker(self, start=True, **options):
        broker = Broker(self.new_folder("broker"), **options)
        self.brokers.append(broker)
        return broker.start() if start else broker

    def simulator(self, start=True, **options):
        simulator = Simulator(self.new_folder("sim"), **options)
        self.simulators.append(simulator)
        return simulator.start() if start else simulator

    def gateway(self, broker, simulator=None, start=True, **options):
        gateway = Gateway(self.new_folder("gateway"), broker, simulator, **options)
        self.gateways.append(gateway)
        return gateway.start() if start else gateway

    def subscriber(self, broker, topic="#", **options):
        options.setdefault("name", f"operator-{len(self.subscribers)}")
        subscriber = Subscriber(broker, topic, **options)
        self.subscribers.append(subscriber)
        return subscriber.start()

    def end(self):
        """An orderly end: gateway first. Every message that anybody saw must keep to the contract."""
        for gateway in self.gateways:
            gateway.stop()
        problems = [problem for subscriber in self.subscribers for problem in subscriber.problems()]
        for subscriber in self.subscribers:
            subscriber.stop()
        for other in self.simulators + self.brokers + self.processes:
            other.stop()
        assert not problems, "messages against the contract:\n" + "\n".join(problems[:20])

    def abandon(self):
        """After a failure: nothing may be left running."""
        for subscriber in self.subscribers:
            subscriber.stop()
        for part in self.gateways + self.simulators + self.brokers:
            if part.process:
                part.process.kill()
        for process in self.processes:
            process.kill()

    def logs(self):
        for path in sorted(self.folder.rglob("*.log")):
            yield str(path.relative_to(self.folder)), path.read_text(errors="replace")[-LOG_TAIL:]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    world = item.funcargs.get("world")
    if report.failed and world:
        item.stash[FAILED] = True
        report.sections += [(f"log of {name}", text) for name, text in world.logs()]


FAILED = pytest.StashKey()


@pytest.fixture
def world(tmp_path, request):
    world = World(tmp_path)
    try:
        yield world
        if not request.node.stash.get(FAILED, False):
            world.end()
    finally:
        world.abandon()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))
