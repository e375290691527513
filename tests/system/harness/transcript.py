"""Messages as a story that a person can read, with what differs from run to run left out."""


def tell(message):
    """One line for a message: no times, no series, nothing that depends on the machine's speed."""
    data = message.data
    who = f"{message.topic.split('/')[4]} {message.leaf}"
    if data is None:
        return f"{who} (cleared)"
    kind = message.leaf.split("/")[0]
    return f"{who}: {TELLERS.get(kind, tell_rest)(data)}"


def numbers(data):
    return f"#{data['seq']}.{data['n']}"


def tell_raw(raw):
    if raw["table"] is None:
        return "from what is known of the lift"
    place = f"{raw['table']} {raw['address']:#x}"
    return f"{place} says {raw['code']}" if raw["code"] is not None else f"{place} bit {raw['bit']}"


def tell_fault(data):
    code = f"code {data['code']}" if data["code"] else "no code"
    words = [numbers(data), data["event"], data["severity"], data["text"], code, tell_raw(data["raw"])]
    if not data["alarm"]:
        words.append(f"no alarm, {data['suppressed']}")
    words += [word for word in ("at_start", "after_gap", "flapping") if data[word]]
    words.append(f"count {data['count']}")
    if data["event"] == "cleared":
        words.append(data["reason"])
    return ", ".join(words)


def tell_event(data):
    common = {"v", "gateway", "time", "clock", "lift", "series", "seq", "n", "event", "version", "down_from", "down_to",
              "code_system", "name", "rescue_code"}
    rest = [f"{key} {value}" for key, value in data.items() if key not in common]
    return ", ".join([numbers(data)] + rest)


def tell_state(data):
    return f"{data['link']}, {data['service_mode']}, floor {data['floor_label']}, faults " + \
        (" ".join(fault["fault"] for fault in data["faults"]) or "none")


def tell_link(data):
    return f"{data['link']}, reason {data['reason']}"


def tell_status(data):
    return data["status"]


def tell_rest(_data):
    return "…"


TELLERS = {"fault": tell_fault, "event": tell_event, "state": tell_state, "link": tell_link, "status": tell_status}
