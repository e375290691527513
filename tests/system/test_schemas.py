"""config/schema/: sound in itself, complete, and strict enough to find a message that is wrong."""

import copy
import json

import jsonschema
import pytest
import yaml

from harness import schemas
from harness.paths import CONFIG

MESSAGES = ["meta", "link", "state", "counters", "fault", "event", "report", "status", "health", "gateway-event"]


@pytest.mark.parametrize("name", MESSAGES)
def test_each_message_has_a_valid_schema(name):
    schema = json.loads((CONFIG / "schema" / f"{name}.json").read_text())
    jsonschema.validators.validator_for(schema).check_schema(schema)
    schemas.validator(f"{name}.json")


@pytest.mark.parametrize("name", MESSAGES)
def test_an_empty_object_is_no_message(name):
    assert list(schemas.validator(f"{name}.json").iter_errors({}))


def test_every_topic_of_the_contract_has_its_schema():
    for topic, name in {
        "yancheng/lift/tinghu/wanhu-xincun/L-1/meta": "meta.json",
        "yancheng/lift/tinghu/wanhu-xincun/L-1/fault/entrapment": "fault.json",
        "yancheng/lift/tinghu/wanhu-xincun/L-1/event/mode_changed": "event.json",
        "yancheng/lift/tinghu/wanhu-xincun/L-1/report/day": "report.json",
        "yancheng/gateway/tinghu/wanhu-xincun/B12-2/status": "status.json",
        "yancheng/gateway/tinghu/wanhu-xincun/B12-2/event/restarted": "gateway-event.json",
    }.items():
        assert schemas.schema_name(topic) == name
        assert (CONFIG / "schema" / name).exists()


def test_the_asyncapi_document_names_every_topic():
    document = yaml.safe_load((CONFIG / "schema" / "asyncapi.yaml").read_text())
    assert document["asyncapi"].startswith("3.")
    addresses = " ".join(channel["address"] for channel in document["channels"].values())
    for leaf in ("/meta", "/link", "/state", "/counters", "/fault/", "/event/", "/status", "/health"):
        assert leaf in addresses, f"no channel for {leaf}"
    references = json.dumps(document)
    for name in MESSAGES:
        assert f"{name}.json" in references, f"no message uses {name}.json"


def test_every_reference_of_the_asyncapi_document_leads_somewhere():
    folder = CONFIG / "schema"
    document = yaml.safe_load((folder / "asyncapi.yaml").read_text())

    def references(node):
        if isinstance(node, dict):
            yield from ([node["$ref"]] if "$ref" in node else [])
            node = list(node.values())
        if isinstance(node, list):
            for inner in node:
                yield from references(inner)

    for reference in references(document):
        file, _, pointer = reference.partition("#")
        target = yaml.safe_load((folder / file).read_text()) if file else copy.deepcopy(document)
        for step in pointer.strip("/").split("/") if pointer.strip("/") else []:
            target = target[step.replace("~1", "/").replace("~0", "~")]
