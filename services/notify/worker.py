"""The worker processes of notify: `celery -A services.notify.worker worker -Q letters,clock`.

Another serves `webhooks`, so that no letter waits for a slow endpoint.
"""

from shared.delivery.worker import make_worker

celery_app = make_worker("notify", include=["services.notify.tasks"])
