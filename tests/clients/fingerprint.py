"""Fingerprints by a third hand: SHA-256 of what a library of RFC 8785 makes of the facts.

Not by JavaScript, whose numbers RFC 8785 takes over: V8 misreads some escaped names (nodejs/node#63785).
"""

import hashlib
import json
import sys

import rfc8785

BOUND = ("agent", "arguments", "contractVersion", "environment", "tenant", "tool", "user")

# Only \n ends a line: a lone \r is white space inside one.
for line in sys.stdin.buffer.read().decode().split("\n")[:-1]:
    call = json.loads(line, parse_int=float)
    bound = {"kind": "tool", "type": "toolgate.ask.1"} | {name: call.get(name) for name in BOUND}
    if "inputResponses" in call:
        bound["inputResponses"] = call["inputResponses"]
    print(hashlib.sha256(rfc8785.dumps(bound)).hexdigest())
