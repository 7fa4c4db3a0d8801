"""Does what is in the outbox, by way of `prytany gateway` on this machine.

    prytany gateway --cluster genesis.json --key courier.pem &
    python3 courier.py                  # GATEWAY: where it listens; ONCE: end when all is done

The key's public half stands in prytany.json, in the list of the role courier: see
docs/how-to/outside-effects.md.

It may be killed anywhere: what it had taken and not reported is taken again after a minute. So what
it does outside must bear being done twice, which the effect's number is for.
"""
import json
import os
import time
import urllib.request

GATEWAY = os.environ.get("GATEWAY", "http://127.0.0.1:7070")


def call(procedure, **arguments):
    request = urllib.request.Request(
        f"{GATEWAY}/call/{procedure}",
        data=json.dumps(arguments).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)["rows"]


def send_mail(number, mail):
    """The number goes with it, so that a mail which is sent twice is seen to be one."""
    print(f"<outbox-{number}@example.org> to {mail['to'][:8]}: {mail['subject']}", flush=True)
    return f"<outbox-{number}@example.org>"


EFFECTS = {"mail": send_mail}

while True:
    taken = call("take_effects", most=10)
    for number, kind, payload, tries in taken:
        outcome = EFFECTS[kind](number, json.loads(payload))
        call("effect_done", id=number, outcome=outcome)
    if not taken:
        # What another courier took, and did not report, comes back after a minute.
        if "ONCE" in os.environ and call("effects_left") == [[0]]:
            break
        time.sleep(1)
