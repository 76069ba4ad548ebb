"""What cannot wait: signs of it, who is on duty, and the mails about it."""
