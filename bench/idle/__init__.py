"""What a system costs that nobody uses: `python -m bench idle`."""
