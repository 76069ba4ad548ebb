"""Pages about what was done: decisions, samples, supervision, jobs, the books."""
