"""A FastMCP server on port argv[1]: a tool, a resource, a template, a prompt."""

import sys

from fastmcp import FastMCP

server = FastMCP("planner")


@server.tool
def plan_trip(city: str, days: int) -> dict:
    """Plan a trip to a city."""
    return {"city": city, "days": [f"Day {day + 1} in {city}" for day in range(days)]}


@server.resource("trips://season")
def season() -> str:
    """When to travel."""
    return "May and September."


@server.resource("trips://city/{name}")
def city(name: str) -> str:
    """What a city is known for."""
    return f"{name} is known for its bridges."


@server.prompt
def packing_list(city: str) -> str:
    """What to pack for a city."""
    return f"What should I pack for {city}?"


server.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
