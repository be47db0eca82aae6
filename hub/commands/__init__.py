"""What the commands do, one module a family. They compose; every decision lies in the packages that they call."""
