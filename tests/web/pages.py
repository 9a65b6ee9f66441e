"""The pages that every look at the site visits, over the demo world: one line a page; a new page adds its own."""

from __future__ import annotations

PROJECT, RUN = "/alice/vision", "/alice/vision/runs/demo0003"

PAGES = (
    "/",
    "/?q=legal",
    "/alice",
    "/find?q=swin&in=alice%2Fvision",
    PROJECT,
    f"{PROJECT}?q=config.lr+%3E+1e-4&order=-summary_metrics.val%2Facc",
    f"{PROJECT}?col=tags&col=config.seed&order=-config.seed&order=%2Bdisplay_name&smooth=0.9&ys=log",
    f"{PROJECT}?group=config.model&group=state&pin=summary_metrics.val%2Facc",
    f"{PROJECT}/compare?runs=demo0003,demo0005,demo0007",
    f"{PROJECT}/compare?runs=demo0003,demo0005&all=1",
    RUN,
    f"{RUN}/edit",
    f"{RUN}/series/table?key=val%2Facc",
    f"{RUN}/charts",
    f"{RUN}/system",
    f"{RUN}/histograms",
    f"{RUN}/values/config?find=adam",
    f"{RUN}/values/summary",
    f"{RUN}/values/environment",
    f"{RUN}/values/packages",
    f"{RUN}/console",
    f"{RUN}/console?q=loss&times=off",
    f"{RUN}/files",
    f"{RUN}/files?q=config",
    f"{RUN}/preview/requirements.txt",
    "/components",
    "/components?on=code&on=statistics&density=comfortable",
    f"{RUN}/log",
    f"{RUN}/upload",
    f"{PROJECT}/new-run",
    "/home/new-project",
    "/api/v1/docs",
    "/settings/audit",
    "/settings/audit?kind=&since=2026-01-01",
    "/settings/appearance",
    "/settings/api-keys",
    "/settings/teams",
    "/settings/teams/new",
    "/settings/organisations/new",
    "/teams/kumiko-lab",
    "/organisations/hokuto-institute",
    "/invitations/nothing",
    "/settings/password",
    "/settings/sessions",
    "/alice/nothing",
    "/sign-out",
)
OUTSIDE = (
    "/sign-in",
    "/sign-up",
    "/account/reset",
)
OPERATORS = (
    "/admin/",
    "/admin/runs/run/",
    "/admin/accounts/user/",
)
