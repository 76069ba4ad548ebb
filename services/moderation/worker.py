"""The worker processes of moderation: `celery -A services.moderation.worker worker -Q checks`."""

from shared.delivery.worker import make_worker

# It mails nobody, and only where samples are drawn the key is needed.
celery_app = make_worker(
    "moderation", include=["services.moderation.tasks"], without=["secret_key", "smtp_url"]
)
