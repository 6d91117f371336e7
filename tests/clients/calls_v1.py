"""Python SDK 1.x: the calls of argv[2] on one session at argv[1]; outcomes as JSON lines."""

import json
import os
import sys

import anyio
import httpx
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client

TOKEN = os.environ.get("TOKEN")
HEADERS = {"authorization": f"Bearer {TOKEN}"} if TOKEN else {}


def say(outcome):
    print(json.dumps(outcome), flush=True)


async def main():
    url, calls = sys.argv[1], json.loads(sys.argv[2])
    async with (
        httpx.AsyncClient(headers=HEADERS, timeout=20) as http,
        streamable_http_client(url, http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        say({"tools": [tool.name for tool in (await session.list_tools()).tools]})
        for call in calls:
            try:
                result = await session.call_tool(call["name"], call["arguments"])
                say({"result": result.model_dump(by_alias=True, mode="json", exclude_none=True)})
            except McpError as fault:
                error = fault.error
                say({"error": {"kind": "McpError", "code": error.code, "message": error.message, "data": error.data}})


anyio.run(main)
