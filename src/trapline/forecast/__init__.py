"""What detections would have raised over the history of a store, as their schedule would have run them."""
