"""Dose response: multiple comparison procedures and modelling (MCP-Mod). One file a step."""
