"""The worker processes of moderation: `celery -A services.moderation.worker worker -Q checks`."""

from shared.delivery.worker import make_worker

celery_app = make_worker("moderation", include=["services.moderation.tasks"])
