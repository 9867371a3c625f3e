"""Content as a Splunk app (`build`), and the differences between two trees of content (`compare`)."""
