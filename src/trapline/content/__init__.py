"""Detection content: files of Splunk's public content -> one model, enriched and explained.

`read.default_content()` is the way in; `model` says what comes out.
"""
