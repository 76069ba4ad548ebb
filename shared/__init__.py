"""What every room stands on. This package knows no room: it never imports `services`."""
