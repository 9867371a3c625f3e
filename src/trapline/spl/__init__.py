"""SPL: text to plan. `parser` reads, `commands` and `functions` know one word of the language each, `lower`
composes."""
