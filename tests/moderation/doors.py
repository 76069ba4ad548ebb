"""Every door of the desk and who may go through it, written by hand: the code is held to this.

A page that is added gets its line here, under the least role that may have it.
"""

from collections.abc import Iterator

from flask import Flask

from shared.models import Role

# Nobody is asked who they are.
EVERYBODY = """
GET /login
POST /login
GET /login/code
POST /login/code
POST /login/code/new
GET /login/directory
GET /login/directory/back
GET /login/forgotten
POST /login/forgotten
POST /login/passkey
POST /login/passkey/question
POST /login/resume
POST /logout
GET /reset/<token>
POST /reset/<token>
GET /welcome/<token>
POST /welcome/<token>
POST /welcome/<token>/passkey
POST /welcome/<token>/passkey/question
"""
# Whoever is signed in: looking, and what is one's own.
READER = """
GET /
GET /account
POST /account
POST /account/directory
POST /account/directory/remove
POST /account/passkeys
POST /account/passkeys/<int:passkey_id>/remove
POST /account/passkeys/question
POST /account/password
POST /account/recovery-codes
POST /account/second-factor
POST /account/second-factor/confirm
POST /account/second-factor/remove
POST /account/sessions/<uuid:session_id>/end
POST /account/sessions/end
GET /alerts
GET /asks
POST /filters
POST /filters/<int:filter_id>/remove
GET /guide
GET /history
GET /ideas/<number>
POST /ideas/<number>/asks/<int:ask_id>/answer
POST /ideas/<number>/asks/<int:ask_id>/close
GET /ideas/<number>/live
GET /jobs
GET /ledger
GET /letters
GET /live
GET /rules
GET /search
GET /stats
GET /stats/<name>.csv
GET /supervision
GET /supervision/<int:year>.csv
"""
MODERATOR = """
POST /decisions/<uuid:decision_id>/undo
GET /decisions/bulk
POST /decisions/bulk
GET /decisions/bulk/<uuid:bulk_id>
POST /decisions/bulk/<uuid:bulk_id>/undo
GET /duty
POST /ideas/<number>/asks
POST /ideas/<number>/decisions
POST /ideas/<number>/lease
POST /ideas/<number>/notes
POST /ideas/<number>/official-answer
POST /ideas/<number>/official-answer/preview
POST /ideas/<number>/official-answer/take-back
POST /ideas/<number>/original
POST /ideas/<number>/preview
GET /ideas/<number>/targets
POST /official-answers/<uuid:answer_id>/undo
GET /samples
GET /samples/<int:sample_id>
POST /samples/<int:sample_id>
POST /samples/<int:sample_id>/pass
GET /slips
POST /slips
GET /slips/<slip_number>/receipt
GET /slips/batches/<uuid:batch_id>
GET /slips/paper
GET /slips/paper/<slug>
GET /slips/several
POST /slips/several
GET /subscriptions
GET /subscriptions/<uuid:staff_id>
POST /subscriptions/<uuid:staff_id>
GET /subscriptions/preview
GET /subscriptions/preview/letter
POST /subscriptions/test
POST /supervision
"""
ADMIN = """
GET /addresses
POST /addresses/<uuid:dead_id>/revive
GET /answer-templates
GET /answer-templates/<int:template_id>/edit
POST /answer-templates/<int:template_id>/edit
POST /answer-templates/<int:template_id>/restore
POST /answer-templates/<int:template_id>/retire
GET /answer-templates/new
POST /answer-templates/new
GET /api-tokens
GET /api-tokens/<uuid:token_id>
POST /api-tokens/<uuid:token_id>/change
POST /api-tokens/<uuid:token_id>/turn-off
POST /api-tokens/<uuid:token_id>/turn-on
GET /api-tokens/new
POST /api-tokens/new
GET /audit
GET /checks
POST /checks
GET /checks/spam-model
POST /checks/spam-model/<int:version>/activate
POST /checks/test
GET /checks/words
POST /checks/words
POST /checks/words/<int:entry_id>/remove
POST /checks/words/try
GET /councils
GET /councils/<slug>/edit
GET /councils/<slug>/embed
POST /councils/<slug>/edit
GET /councils/<slug>/picture
POST /councils/<slug>/picture
POST /councils/<slug>/picture/remove
GET /councils/new
POST /councils/new
GET /face
POST /face
POST /face/logo
POST /face/logo/remove
GET /first-steps
POST /first-steps/close
POST /duty/covers
POST /duty/covers/<int:cover_id>/remove
POST /duty/shifts
POST /duty/shifts/<int:shift_id>/remove
GET /forms
GET /forms/<uuid:source_id>
GET /forms/<uuid:source_id>/fields
POST /forms/<uuid:source_id>/fields
POST /forms/<uuid:source_id>/new-secret
POST /forms/<uuid:source_id>/put-aside/<uuid:item_id>
POST /forms/<uuid:source_id>/secret
POST /forms/<uuid:source_id>/try-again
POST /forms/<uuid:source_id>/try-again/<uuid:item_id>
POST /forms/<uuid:source_id>/turn-off
POST /forms/<uuid:source_id>/turn-on
GET /forms/new
GET /imports
GET /imports/<uuid:import_id>
POST /imports/<uuid:import_id>/begin
POST /imports/<uuid:import_id>/go-on
POST /imports/<uuid:import_id>/put-aside
POST /imports/<uuid:import_id>/take-back
GET /imports/new
POST /imports/new
POST /forms/new
POST /jobs/<int:job_id>/replay
POST /jobs/replay
GET /letters/release
POST /letters/release
GET /letters/resend
POST /letters/resend
GET /pictures/<int:picture_id>
GET /rules/<code>/new
POST /rules/<code>/new
POST /rules/<code>/retire
POST /rules/confirm
POST /samples/share
GET /security
GET /settings
GET /staff
GET /staff/<uuid:staff_id>
POST /staff/<uuid:staff_id>/directory
POST /staff/<uuid:staff_id>/disable
POST /staff/<uuid:staff_id>/enable
POST /staff/<uuid:staff_id>/password
POST /staff/<uuid:staff_id>/role
POST /staff/<uuid:staff_id>/second-factor
POST /staff/<uuid:staff_id>/sign-out
POST /staff/invitations
POST /staff/invitations/<uuid:invitation_id>/withdraw
POST /staff/second-factor
GET /webhooks
GET /webhooks/<uuid:webhook_id>
GET /webhooks/<uuid:webhook_id>/edit
POST /webhooks/<uuid:webhook_id>/edit
POST /webhooks/<uuid:webhook_id>/new-secret
POST /webhooks/<uuid:webhook_id>/pause
POST /webhooks/<uuid:webhook_id>/remove
POST /webhooks/<uuid:webhook_id>/secret
POST /webhooks/<uuid:webhook_id>/send-again
POST /webhooks/<uuid:webhook_id>/send-again/<uuid:delivery_id>
POST /webhooks/<uuid:webhook_id>/test
POST /webhooks/<uuid:webhook_id>/turn-on
GET /webhooks/new
POST /webhooks/new
"""

RANKS = list(Role)
_ID = "0197a1b2-0000-7000-8000-000000000001"
_MADE_UP = {"IntegerConverter": 1, "UUIDConverter": _ID}


def table() -> dict[tuple[str, str], Role | None]:
    """Return the least role for each method and rule; None where nobody is asked."""
    written = ((None, EVERYBODY), *zip(RANKS, (READER, MODERATOR, ADMIN), strict=True))
    return {
        (method, rule): role
        for role, lines in written
        for method, rule in map(str.split, lines.strip().splitlines())
    }


def real(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Give the method, the rule and an address made up for it, of every door that there is.

    Files hold nothing of anybody's, and what operators ask is answered anywhere.
    """
    urls = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.endpoint.endswith("static") or rule.endpoint.startswith("operators."):
            continue
        made_up = {
            name: next(
                (
                    _MADE_UP[each.__name__]
                    for each in type(converter).mro()
                    if each.__name__ in _MADE_UP
                ),
                "nothing",
            )
            for name, converter in rule._converters.items()
        }
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        for method in sorted(methods):
            yield method, rule.rule, urls.build(rule.endpoint, made_up, method=method)
