"""Python SDK 1.x: calls on one session at argv[1], as drive.py has them."""

import sys

import anyio
import httpx
from drive import HEADERS, calls, elicitation
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult


async def main():
    async with (
        httpx.AsyncClient(headers=HEADERS, timeout=20) as http,
        streamable_http_client(sys.argv[1], http_client=http) as (read, write, _),
        ClientSession(read, write, elicitation_callback=elicitation(ElicitResult)) as session,
    ):
        await session.initialize()
        await calls(session, McpError, lambda fault: fault.error)


anyio.run(main)
