"""The pages that notify lends the desk. With webhooks/desk the only place here that knows Flask."""
