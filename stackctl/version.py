"""The version of stackctl. It stands only here."""

__version__ = "0.1.0"
