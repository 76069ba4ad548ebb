"""The worker of imports: what they bring in, and the checks of it.

Submission's work with what moderation does of it, so it is put together here.
"""

from radslag.import_tools import TOOLS
from shared.delivery.worker import make_worker

celery_app = make_worker(
    "moderation", include=["services.moderation.tasks", "services.submission.tasks"]
)
celery_app.conf.radslag_import_tools = TOOLS
