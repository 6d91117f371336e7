"""Python SDK 2.x: calls on one session at argv[1], as drive.py has them.

argv[2] is the era: `legacy`, `auto`, or a version.
"""

import sys

import anyio
import httpx2
from drive import HEADERS, calls, elicitation
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult


async def main():
    url, era = sys.argv[1:]
    async with (
        httpx2.AsyncClient(headers=HEADERS, timeout=20) as http,
        Client(
            streamable_http_client(url, http_client=http),
            mode=era,
            elicitation_callback=elicitation(ElicitResult),
        ) as client,
    ):
        await calls(client, MCPError, lambda fault: fault)


anyio.run(main)
