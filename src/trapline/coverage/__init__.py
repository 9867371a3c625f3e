"""What the add-ons make of events: against the field lists of public data sources, and over a user's own logs."""
