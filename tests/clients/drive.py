"""What the client scripts share: calls come in, outcomes go out, as JSON lines."""

import json
import os
import sys

import anyio

TOKEN = os.environ.get("TOKEN")
HEADERS = {"authorization": f"Bearer {TOKEN}"} if TOKEN else {}
LINES = anyio.wrap_file(sys.stdin)


def say(outcome):
    print(json.dumps(outcome), flush=True)


def dump(model):
    return model.model_dump(by_alias=True, mode="json", exclude_none=True)


async def told():
    line = await LINES.readline()
    return json.loads(line) if line else None


async def ask(session, call):
    """A call of a tool, unless a list, a resource or a prompt is asked for."""
    match call:
        case {"list": _}:
            return await session.list_tools()
        case {"read": uri}:
            return await session.read_resource(uri)
        case {"prompt": name}:
            return await session.get_prompt(name, call.get("arguments"))
        case _:
            return await session.call_tool(call["name"], call["arguments"])


async def calls(session, failure, data):
    """Each call's result or error; the session is never renewed."""
    say({"tools": [tool.name for tool in (await session.list_tools()).tools]})
    while call := await told():
        try:
            say({"result": dump(await ask(session, call))})
        except failure as fault:
            error = data(fault)
            say({"error": {"kind": failure.__name__, "code": error.code, "message": error.message, "data": error.data}})


def elicitation(result):
    """Shows a URL, where the client is told to; what the user does about it is the next line."""

    async def elicit(_context, params):
        say({"elicitation": dump(params)})
        return result(**await told())

    return elicit if os.environ.get("ELICITS") else None
