"""What every letter stands on: its row, its words as a mail, the mail server, dead addresses."""
