"""Ideas through the checks: from a batch of texts to verdicts, copies and queue entries."""
