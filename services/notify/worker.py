"""The worker processes of notify: `celery -A services.notify.worker worker -Q letters,clock`."""

from shared.worker import make_worker

celery_app = make_worker("notify", include=["services.notify.tasks"])
