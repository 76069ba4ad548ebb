"""What the tests beside this one begin with."""

HOUR, DAY = 3600, 86400
