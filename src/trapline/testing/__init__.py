"""Tests of detections on recorded data: validation, unit, integration; and every detection over every data set."""
