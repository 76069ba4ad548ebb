"""Slips: what somebody said by telephone, on paper or at a meeting, and staff enter for them."""
