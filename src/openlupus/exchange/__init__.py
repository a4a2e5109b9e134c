"""Every file format: SDTM and ADaM as XPT, Parquet, CSV and Dataset-JSON."""

from openlupus.exchange.fingerprint import sha256
from openlupus.exchange.read import read_adam, read_folder
from openlupus.exchange.write import write_folder, write_parts

__all__ = ["read_adam", "read_folder", "sha256", "write_folder", "write_parts"]
