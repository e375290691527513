"""config/schema/: which schema a topic has, and what a message has against it."""

import functools
import json
import warnings

from .paths import CONFIG

SCHEMAS = CONFIG / "schema"


def schema_name(topic, prefix="yancheng"):
    """The schema's file name for a topic: by the levels after <prefix>/<lift|gateway>/<district>/<compound>/<id>."""
    kind, _district, _compound, _owner, *leaf = topic[len(prefix) + 1:].split("/")
    known = {
        "lift": {("meta",): "meta", ("link",): "link", ("state",): "state", ("counters",): "counters",
                 ("report", "day"): "report", ("report", "month"): "report"},
        "gateway": {("status",): "status", ("health",): "health"},
    }[kind]
    if tuple(leaf) in known:
        return known[tuple(leaf)] + ".json"
    if len(leaf) == 2 and leaf[0] == "fault" and kind == "lift":
        return "fault.json"
    if len(leaf) == 2 and leaf[0] == "event":
        return "event.json" if kind == "lift" else "gateway-event.json"
    raise AssertionError(f"{topic} is none of liftgw's topics")


@functools.lru_cache(maxsize=None)
def validator(name):
    import jsonschema
    schema = json.loads((SCHEMAS / name).read_text())
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # jsonschema 4.18 prefers another way, 4.10 knows only this
        store = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
        resolver = jsonschema.RefResolver(base_uri=SCHEMAS.as_uri() + "/", referrer=schema,
                                          store={(SCHEMAS / key).as_uri(): value for key, value in store.items()})
        return kind(schema, resolver=resolver)


def problems(topic, payload, retain):
    """What is wrong with a message, as a list of sentences."""
    if payload == b"":
        return []  # clears a retained topic
    if len(payload) > 4096:
        return [f"{topic}: {len(payload)} bytes"]
    try:
        data = json.loads(payload.decode("utf-8"))
    except ValueError as error:
        return [f"{topic}: {error}: {payload!r}"]
    if b"\n" in payload:
        return [f"{topic}: more than one line"]
    errors = validator(schema_name(topic)).iter_errors(data)
    return [f"{topic}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in errors]
