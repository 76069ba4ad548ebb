"""The worker of submission: `celery -A services.submission.worker worker -Q forms`."""

from shared.delivery.worker import make_worker

celery_app = make_worker("submission", include=["services.submission.tasks"])
