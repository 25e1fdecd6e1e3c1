"""A stand-in for Discord on this machine: gateway and REST over real sockets, in a process of its own.

The unmodified discord.py client connects to it once `discord.http.Route.BASE` and
`discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY` name its port. It holds the client to what Discord holds it to, and
counts each breach by kind. `python -m benchmarks.standin` starts it; `driver.StandIn` starts it and speaks with it.

Rules and codes: https://docs.discord.com/developers (interactions, rate limits, gateway, opcodes and status codes).
"""
