from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.socialaccount import views as social
from django.urls import URLPattern, path, re_path

from apps.accounts.providers import github, google
from apps.web.views import (
    api_keys,
    appearance,
    by_hand,
    chosen,
    compare,
    components,
    console,
    files,
    find,
    health,
    histograms,
    home,
    invitations,
    keeping,
    legal,
    organisations,
    people,
    plan_request,
    project_settings,
    projects,
    providers,
    record,
    runs,
    security,
    series,
    services,
    sessions,
    sharing,
    table,
    teams,
    uploads,
    values,
)


def _people(place: str, name: str) -> list[URLPattern]:
    """What is done with the people of a team or an organisation; one view each, which asks the gate about either."""
    return [
        path(f"{place}/hand-over", people.hand_over_to, name=f"{name}-hand-over"),
        path(f"{place}/invitations", people.invite_somebody, name=f"{name}-invite"),
        path(f"{place}/invitations/<str:public_id>/revoke", people.revoke, name=f"{name}-invitation-revoke"),
        path(f"{place}/leave", people.go, name=f"{name}-leave"),
        path(f"{place}/people/<str:person>/remove", people.remove, name=f"{name}-remove"),
        path(f"{place}/people/<str:person>/role", people.role, name=f"{name}-role"),
    ]


urlpatterns = [
    path("", home.home, name="home"),
    path("health", health.health, name="health"),
    path("find", find.find, name="find"),
    path("home/first-run", home.first_run, name="first-run"),
    path("home/sparks", home.spark_lines, name="home-sparks"),
    path("terms", legal.terms, name="terms"),
    path("privacy", legal.privacy, name="privacy"),
    path("pricing", legal.pricing, name="pricing"),
    path("authorize", api_keys.authorize, name="authorize"),
    # Accounts: allauth's views under our own addresses.
    path("sign-in", account.login, name="account_login"),
    path("sign-up", account.signup, name="account_signup"),
    path("sign-out", account.logout, name="account_logout"),
    path("sign-in/with/<slug:provider>", providers.start, name="provider-start"),
    path("sign-in/google/back", google.callback, name="google_callback"),
    path("sign-in/github/back", github.callback, name="github_callback"),
    path("sign-in/cancelled", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("sign-in/passkey", security.passkey_sign_in, name="mfa_login_webauthn"),
    path("sign-in/second-step", mfa.authenticate, name="mfa_authenticate"),
    path("sign-up/name", social.signup, name="socialaccount_signup"),
    path("account/again", account.reauthenticate, name="account_reauthenticate"),
    path("account/again/elsewhere", security.again_elsewhere, name="again-elsewhere"),
    path("account/again/code", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("account/again/passkey", security.passkey_again, name="mfa_reauthenticate_webauthn"),
    path("account/inactive", account.account_inactive, name="account_inactive"),
    path("account/confirm", account.email_verification_sent, name="account_email_verification_sent"),
    re_path(r"^account/confirm/(?P<key>[-:\w]+)\Z", account.confirm_email, name="account_confirm_email"),
    path("account/reset", account.password_reset, name="account_reset_password"),
    path("account/reset/sent", account.password_reset_done, name="account_reset_password_done"),
    path(
        "account/reset/done",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^account/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[-\w]+)\Z",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("account/language", appearance.language, name="language"),
    # Settings.
    path("settings/appearance", appearance.appearance, name="appearance"),
    path("settings/password", account.password_change, name="account_change_password"),
    path("settings/password/set", security.set_password, name="account_set_password"),
    path("settings/email", account.email, name="account_email"),
    path("settings/security", security.security, name="security"),
    # Where the library goes when it is done; the same page.
    *(
        path("settings/security", security.security, name=name)
        for name in ("mfa_index", "mfa_list_webauthn", "socialaccount_connections")
    ),
    path("settings/security/links/<int:pk>/unlink", security.unlink, name="unlink"),
    path("settings/security/passkeys/new", security.new_passkey, name="mfa_add_webauthn"),
    path("settings/security/passkeys/<int:pk>/rename", security.rename_passkey, name="passkey-rename"),
    path("settings/security/passkeys/<int:pk>/remove", security.remove_passkey, name="passkey-remove"),
    path("settings/security/codes/new", totp.activate_totp, name="mfa_activate_totp"),
    path("settings/security/codes/remove", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("settings/security/recovery", recovery.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "settings/security/recovery/new", recovery.generate_recovery_codes, name="mfa_generate_recovery_codes"
    ),
    path("settings/sessions", sessions.sessions, name="sessions"),
    path("settings/sessions/others/end", sessions.end_others, name="sessions-end"),
    path("settings/sessions/<slug:public_id>/end", sessions.end, name="session-end"),
    path("settings/api-keys", api_keys.api_keys, name="api-keys"),
    path("settings/api-keys/<slug:public_id>/revoke", api_keys.revoke, name="api-key-revoke"),
    path("settings/code-saving", keeping.code_saving, name="code-saving"),
    path("settings/notifications", keeping.notifications, name="notifications"),
    path("settings/system-metadata", keeping.system_metadata, name="system-metadata"),
    path("settings/plan", plan_request.plan_request, name="plan-request"),
    path("settings/plan/answer", plan_request.answer, name="plan-answer"),
    path("settings/plan/withdraw", plan_request.withdraw, name="plan-withdraw"),
    path("settings/teams", teams.teams, name="teams"),
    path("settings/teams/new", teams.new_team, name="team-new"),
    path("settings/organisations/new", organisations.new_organisation, name="organisation-new"),
    # People: of a team, of an organisation, and of whoever is invited.
    path("invitations/<str:token>", invitations.invitation, name="invitation"),
    path("teams/<str:entity>", teams.team, name="team"),
    *_people("teams/<str:entity>", "team"),
    path("teams/<str:entity>/service-accounts", services.services, name="team-services"),
    path("teams/<str:entity>/service-accounts/<str:public_id>", services.service, name="team-service"),
    path(
        "teams/<str:entity>/service-accounts/<str:public_id>/remove",
        services.remove,
        name="team-service-remove",
    ),
    path(
        "teams/<str:entity>/service-accounts/<str:public_id>/keys/<str:key>/revoke",
        services.revoke,
        name="team-service-key-revoke",
    ),
    path("teams/<str:entity>/code-saving", keeping.team_code_saving, name="team-code-saving"),
    path("teams/<str:entity>/system-metadata", keeping.team_metadata, name="team-system-metadata"),
    path("organisations/<str:organisation>", organisations.organisation, name="organisation"),
    *_people("organisations/<str:organisation>", "organisation"),
    path("organisations/<str:organisation>/settings", organisations.settings, name="organisation-settings"),
    path("organisations/<str:organisation>/teams", organisations.add, name="organisation-add-team"),
    path(
        "organisations/<str:organisation>/teams/<str:entity>/let-go",
        organisations.let_go,
        name="organisation-let-team-go",
    ),
    path("organisations/<str:organisation>/audit", record.of_organisation, name="organisation-audit"),
    path(
        "organisations/<str:organisation>/audit/export",
        record.of_organisation_export,
        name="organisation-audit-export",
    ),
    path("settings/audit", record.mine, name="audit"),
    path("settings/audit/export", record.mine_export, name="audit-export"),
    path("teams/<str:entity>/audit", record.of_team, name="team-audit"),
    path("teams/<str:entity>/audit/export", record.of_team_export, name="team-audit-export"),
    # The parts that pages are made of, in their states.
    path("components", components.components, name="components"),
    path("components/switch/<str:name>", components.switch, name="components-switch"),
    path("components/choice", components.choice, name="components-choice"),
    path("components/series", components.series, name="components-series"),
    path("components/series/table", components.series_table, name="components-table-series"),
    path("components/series/csv", components.series_csv, name="components-csv-series"),
    path("home/new-project", by_hand.new_project, name="project-new"),
    path("share/<str:secret>", sharing.follow, name="share"),
    # What people made. Last, for these patterns would take nearly everything.
    path("<str:entity>", home.entity, name="entity"),
    path("<str:entity>/<str:project>", projects.project, name="project"),
    path("<str:entity>/<str:project>/workspace", projects.workspace, name="project-workspace"),
    path("<str:entity>/<str:project>/new-run", by_hand.new_run, name="run-new"),
    path("<str:entity>/<str:project>/compare", compare.compare, name="project-compare"),
    path("<str:entity>/<str:project>/compare/csv", compare.csv_of, name="project-compare-csv"),
    path("<str:entity>/<str:project>/settings", project_settings.settings, name="project-settings"),
    path("<str:entity>/<str:project>/settings/publish", project_settings.publish, name="project-publish"),
    path(
        "<str:entity>/<str:project>/settings/description",
        project_settings.describe,
        name="project-description",
    ),
    path("<str:entity>/<str:project>/settings/people", sharing.name, name="project-person"),
    path("<str:entity>/<str:project>/settings/people/remove", sharing.unname, name="project-person-remove"),
    path("<str:entity>/<str:project>/settings/links", sharing.make_link, name="project-link"),
    path("<str:entity>/<str:project>/settings/links/revoke", sharing.revoke_link, name="project-link-revoke"),
    path("<str:entity>/<str:project>/rows", table.rows, name="project-rows"),
    path("<str:entity>/<str:project>/ids", table.ids, name="project-ids"),
    path("<str:entity>/<str:project>/live", table.live, name="project-live"),
    path("<str:entity>/<str:project>/tag", chosen.tag, name="project-tag"),
    path("<str:entity>/<str:project>/stop", chosen.stop, name="project-stop"),
    path("<str:entity>/<str:project>/series", series.of_project, name="project-series"),
    path("<str:entity>/<str:project>/series/csv", series.csv_of_project, name="project-csv-series"),
    path("<str:entity>/<str:project>/series/table", series.table_of_project, name="project-table-series"),
    path("<str:entity>/<str:project>/runs/<str:run>", runs.run, name="run"),
    path("<str:entity>/<str:project>/runs/<str:run>/charts", runs.charts, name="run-charts"),
    path("<str:entity>/<str:project>/runs/<str:run>/system", runs.system, name="run-system"),
    path("<str:entity>/<str:project>/runs/<str:run>/console", console.console, name="run-console"),
    path("<str:entity>/<str:project>/runs/<str:run>/console/lines", console.lines, name="run-lines"),
    path("<str:entity>/<str:project>/runs/<str:run>/console/search", console.search, name="run-line-search"),
    path(
        "<str:entity>/<str:project>/runs/<str:run>/console/changes", console.changes, name="run-line-changes"
    ),
    path("<str:entity>/<str:project>/runs/<str:run>/console/text", console.text, name="run-console-text"),
    path("<str:entity>/<str:project>/runs/<str:run>/console/raw", console.raw, name="run-console-raw"),
    path(
        "<str:entity>/<str:project>/runs/<str:run>/histograms", histograms.histograms, name="run-histograms"
    ),
    path("<str:entity>/<str:project>/runs/<str:run>/histograms/ridge", histograms.ridge_of, name="run-ridge"),
    path("<str:entity>/<str:project>/runs/<str:run>/histograms/one", histograms.one, name="run-histogram"),
    path("<str:entity>/<str:project>/runs/<str:run>/values/<str:which>", values.values, name="run-values"),
    path("<str:entity>/<str:project>/runs/<str:run>/values/<str:which>/json", values.text, name="run-json"),
    path("<str:entity>/<str:project>/runs/<str:run>/live", runs.live, name="run-live"),
    path("<str:entity>/<str:project>/runs/<str:run>/series", series.of_run, name="run-series"),
    path("<str:entity>/<str:project>/runs/<str:run>/series/csv", series.csv_of_run, name="run-csv-series"),
    path(
        "<str:entity>/<str:project>/runs/<str:run>/series/table", series.table_of_run, name="run-table-series"
    ),
    path("<str:entity>/<str:project>/runs/<str:run>/log", by_hand.log, name="run-log"),
    path("<str:entity>/<str:project>/runs/<str:run>/log/rows", by_hand.log_rows, name="run-log-rows"),
    path(
        "<str:entity>/<str:project>/runs/<str:run>/log/summary", by_hand.log_summary, name="run-log-summary"
    ),
    path("<str:entity>/<str:project>/runs/<str:run>/state", by_hand.state, name="run-state"),
    path("<str:entity>/<str:project>/runs/<str:run>/upload", uploads.upload, name="run-upload"),
    path("<str:entity>/<str:project>/runs/<str:run>/edit", runs.edit, name="run-edit"),
    path("<str:entity>/<str:project>/runs/<str:run>/stop", runs.stop, name="run-stop"),
    path("<str:entity>/<str:project>/runs/<str:run>/files", files.files, name="run-files"),
    path("<str:entity>/<str:project>/runs/<str:run>/files/<path:name>", files.download, name="run-file"),
    path(
        "<str:entity>/<str:project>/runs/<str:run>/preview/<path:name>",
        files.preview,
        name="run-file-preview",
    ),
    path("<str:entity>/<str:project>/runs/<str:run>/image/<path:name>", files.image, name="run-file-image"),
]
