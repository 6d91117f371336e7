"""Python SDK 2.x: the calls of argv[2] on one session at argv[1]; outcomes as JSON lines.

argv[3] is the era: `legacy`, `auto`, or a version.
"""

import json
import os
import sys

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

TOKEN = os.environ.get("TOKEN")
HEADERS = {"authorization": f"Bearer {TOKEN}"} if TOKEN else {}


def say(outcome):
    print(json.dumps(outcome), flush=True)


async def main():
    url, calls, era = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
    async with (
        httpx2.AsyncClient(headers=HEADERS, timeout=20) as http,
        Client(streamable_http_client(url, http_client=http), mode=era) as client,
    ):
        say({"tools": [tool.name for tool in (await client.list_tools()).tools]})
        for call in calls:
            try:
                result = await client.call_tool(call["name"], call["arguments"])
                say({"result": result.model_dump(by_alias=True, mode="json", exclude_none=True)})
            except MCPError as fault:
                say({"error": {"kind": "MCPError", "code": fault.code, "message": fault.message, "data": fault.data}})


anyio.run(main)
