"""The dashboard. It holds no power of its own and imports what decides nothing: client, records, errors, phrasebook."""
