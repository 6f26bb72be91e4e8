"""Objects in pictures: labels, ground truth, detections, and masks as run lengths."""
