"""Tests of detections against recorded attack data: validation, unit, integration, and every detection over every data set."""
