"""What pages, files and letters need on their way to a reader."""
