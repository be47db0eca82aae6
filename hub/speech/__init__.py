"""Pure parts of hearing speech: levels, cutting, agreement, guards, languages. No loop, no file, no model."""
