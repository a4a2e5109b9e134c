"""Randomisation lists: who goes to which arm. Pure; the random numbers come in as a Generator."""

from openlupus.allocation.permuted_block import permuted_blocks, stratified_blocks

__all__ = ["permuted_blocks", "stratified_blocks"]
