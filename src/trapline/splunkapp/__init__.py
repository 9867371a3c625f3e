"""Detection content as a Splunk app, the way contentctl writes it."""
