"""What becomes of instances that are kept: rejected, restored, and in the end gone for good."""
