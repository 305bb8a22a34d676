"""A small Qt host that loads Slicer modules on the MRML classes of slicer-core; README.md says what it cannot show."""

from host.application import Host, start

__all__ = ["Host", "start"]
