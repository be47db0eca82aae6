"""The dashboard. It holds no power of its own and imports no part of the hub but client, messages and errors."""
