"""Links that carry a right in themselves: receipts, invitations, leaving a digest."""
