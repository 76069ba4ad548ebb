"""The command line and the supervisor: what ties the rooms together into one running system."""
