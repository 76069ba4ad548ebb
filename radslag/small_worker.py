"""The worker of a small system that writes letters and makes ideas of what form tools deliver.

Both wait more than they compute, so they share one process (`radslag.processes`).
"""

from shared.delivery.worker import make_worker

celery_app = make_worker("notify", include=["services.notify.tasks", "services.submission.tasks"])
