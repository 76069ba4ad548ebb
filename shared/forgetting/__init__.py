"""What nobody needs again goes, a little at a time; docs/database.md lists what, and when."""
