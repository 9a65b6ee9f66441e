"""What the instance holds, one table for each class of data, as it is today: the page promises nothing that does not work.

What changes how data is kept, shown, exported or erased changes its table here; docs/privacy-map.md is the list by field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Holding:
    """One class of data: what it is, and the six questions that everybody asks about it."""

    slug: str
    name: _StrPromise
    bytes: _StrPromise
    where: _StrPromise
    who: _StrPromise
    since: _StrPromise
    export: _StrPromise
    erase: _StrPromise


_WHO = _(
    "Whoever may see the project: you or your team, the people it is shared with, everybody when it is public. "
    "Operators’ pages never show it."
)
_SINCE = _("From the moment it is logged until it is erased: by hand, or by age where its owner chose so.")
_ERASURE = _(
    "From the page of its run or project, by the REST API or with the wandb client. Keys go first, then bytes and rows. "
    "About a minute later a copy of the key database made before opens it only together with the root key of that time."
)
_FILE_WHERE = _(
    "In the instance’s file store under a random name, encrypted with a key of its own; its name and digests in the "
    "database, encrypted."
)
_FILE_EXPORT = _(
    "Files one by one on the run’s page of files, by the REST API or with the wandb client. Artifacts on their own "
    "pages, one file or all as a ZIP, or with the wandb client: the REST API has none."
)

HOLDINGS = (
    Holding(
        slug="training-data",
        name=_("Training data"),
        bytes=_(
            "Only files and artifacts that a script saves by name. Data that a script reads stays on your machine."
        ),
        where=_FILE_WHERE,
        who=_WHO,
        since=_SINCE,
        export=_FILE_EXPORT,
        erase=_ERASURE,
    ),
    Holding(
        slug="code",
        name=_("Code"),
        bytes=_(
            "Unless its owner switched code saving on, nothing that the client gathers, also by run.log_code(): no script, "
            "patch or notebook, and no git remote. A file that a script saves by name is kept, code too, and so is the commit’s SHA."
        ),
        where=_FILE_WHERE,
        who=_WHO,
        since=_SINCE,
        export=_FILE_EXPORT,
        erase=_ERASURE,
    ),
    Holding(
        slug="config",
        name=_("Config and hyperparameters"),
        bytes=_(
            "The config to the letter, names, tags, notes; versions, processor, memory and GPU of the machine; its "
            "arguments and packages. E-mail, user name, host name and absolute paths of the machine are dropped on "
            "arrival, unless its owner chose that all is kept; or that nothing is, but the commit."
        ),
        where=_("In the database, encrypted with the run’s key; the list of packages as an encrypted file."),
        who=_WHO,
        since=_SINCE,
        export=_("By the REST API as JSON to the letter, on the run’s page, or with the wandb client."),
        erase=_ERASURE,
    ),
    Holding(
        slug="metrics",
        name=_("Metrics"),
        bytes=_(
            "Each logged row, histograms, the summary, system metrics and the console. How many lines there are, and "
            "when, is not encrypted."
        ),
        where=_("New lines in the database, older ones in the file store, all encrypted with the run’s key."),
        who=_WHO,
        since=_SINCE,
        export=_(
            "By the REST API as CSV, JSON, JSON Lines, Parquet or Arrow, as CSV from each chart, the console as text."
        ),
        erase=_ERASURE,
    ),
    Holding(
        slug="analysis",
        name=_("Analysis"),
        bytes=_(
            "Pictures, tables, sound and other media that a script logs, as files. Views that somebody saved: a name, and the "
            "conditions, order, groups and columns of a table. What is not saved stands in the address of a page alone. Reports are not "
            "built yet."
        ),
        where=_(
            "Media in the instance’s file store under random names, each encrypted with a key of its own; saved views in the "
            "database, encrypted with the project’s key."
        ),
        who=_WHO,
        since=_(
            "From the moment it is logged or saved until it is erased or deleted, or by age where its owner chose so."
        ),
        export=_(
            "Files one by one on the run’s page of files, by the REST API or with the wandb client. Saved views by the REST API; "
            "both in the project’s archive."
        ),
        erase=_(
            "Media with their run or project: keys go first, then bytes and rows. A saved view by deleting it, its row at once; or with its "
            "project and the project’s key."
        ),
    ),
    Holding(
        slug="models",
        name=_("Model files"),
        bytes=_(
            "Only checkpoints and artifacts that a script saves by name, as they are. A registry links to them and keeps no copy."
        ),
        where=_FILE_WHERE,
        who=_WHO,
        since=_SINCE,
        export=_FILE_EXPORT,
        erase=_ERASURE,
    ),
    Holding(
        slug="plan-request",
        name=_("A request for a free team"),
        bytes=_(
            "On an instance where teams take a plan: the address, the use and the evidence that you wrote, questions "
            "and answers about them. After the decision only the plan, the times and who decided what."
        ),
        where=_(
            "In the database, encrypted with a key of the request’s own; a reason for the decision with yours."
        ),
        who=_("You, and operators who decide. Each time that one of them reads it is in your record."),
        since=_(
            "From sending it to the decision, which erases the words. The decision itself as long as your account."
        ),
        export=_("With your account, from “Exports”; it stands on the page “Plan” as well."),
        erase=_("By withdrawing it, at once: the key first, then the words. With each decision by itself."),
    ),
    Holding(
        slug="account",
        name=_("Your account"),
        bytes=_(
            "User name, e-mail address, a hash of the password, secrets of second steps and passkeys, the opaque id of a "
            "linked Google or GitHub account, hashes and names of API keys and the networks they were used from, devices that are signed in, teams and roles, plan, settings, "
            "and a record of acts: time, kind and opaque ids, no content."
        ),
        where=_(
            "In the database. Devices, names and networks of keys, passkeys and secrets of second steps are encrypted; names and addresses stand there "
            "in the clear, for mail and links need them."
        ),
        who=_(
            "You; operators see name, address, dates and states; your teams see name and role. Whoever opens what you "
            "made public sees your user name, unless you hide; then it stands in the addresses of your own public projects alone."
        ),
        since=_(
            "From sign-up until it is erased: by you, or, where the operators set an end to accounts that nobody uses, after two mails. "
            "A device until it is signed out or two weeks old, networks of a key until it ends, the record of acts for ever."
        ),
        export=_(
            "Everything but secrets, from “Exports”, by the REST API or by the operators on the machine: JSON in one ZIP, with all your "
            "own projects. The record of acts also as CSV or JSON Lines on the page “Who saw my data”."
        ),
        erase=_(
            "API keys, devices, linked accounts, passkeys and second steps on their pages. The account with everything of its own "
            "from “Sign-in and security” or by the REST API: it can be taken back for a week, or as long as you chose, by a link that "
            "is mailed. Then name and addresses are deleted, and cleared from the database’s files as far as the receipt says; the record "
            "of acts stays, by an opaque id. Backups hold both until they are deleted, the name encrypted with a key that is destroyed; those "
            "made by a version that did not encrypt names in them yet hold it in the clear. The last backup from before opens with its own "
            "keys until the next one is made."
        ),
    ),
    Holding(
        slug="team",
        name=_("A team"),
        bytes=_(
            "Beside its projects: who is in it, in which role and since when, invitations with a hash of their secret and the address "
            "they went to, service accounts with their names, settings, and a record of acts: time, kind and opaque ids, no content."
        ),
        where=_(
            "In the database. Addresses of invitations and names of service accounts are encrypted; who is in the team stands "
            "there in the clear."
        ),
        who=_(
            "Whoever is in the team sees its people, service accounts and settings; its admins also invitations and the record. "
            "Operators see names, dates and states."
        ),
        since=_(
            "A person until they leave or are taken out, an address until its invitation ends, a service account’s name also "
            "after it was removed, for what it made. The rest until the team is erased, the record of acts for ever."
        ),
        export=_(
            "The record of acts as CSV or JSON Lines on its page, its projects as an archive. People, invitations, service accounts "
            "and settings stand on its pages and in no file."
        ),
        erase=_(
            "People, invitations and service accounts on the pages of the team; the team with everything in it from its page, by an "
            "admin. It can be taken back for a week, or as long as the team chose. The record of acts stays, by an opaque id."
        ),
    ),
    Holding(
        slug="organisation",
        name=_("An organisation"),
        bytes=_(
            "Who is in it, in which role and since when, which teams it holds, invitations with a hash of their secret and the "
            "address they went to, what it says to its teams, its registries with their collections, links and the history of "
            "these, and a record of acts: time, kind and opaque ids, no content."
        ),
        where=_(
            "In the database. Addresses of invitations and all words of registries are encrypted; who and which teams are in it "
            "stands there in the clear. What is linked stays where it was made."
        ),
        who=_(
            "Whoever is in it sees its people, teams and settings; registries that are not restricted the people of its teams "
            "as well; its admins also invitations and the record. Operators see names, dates and states."
        ),
        since=_(
            "A person until they leave or are taken out, an address until its invitation ends, a link until it is taken out, "
            "a registry until it is erased. The rest until the organisation is erased, the record of acts for ever."
        ),
        export=_(
            "The record of acts as CSV or JSON Lines on its page. People, teams, invitations, settings and registries stand on its "
            "pages and in no file."
        ),
        erase=_(
            "People and invitations on the pages of the organisation, links and registries on those of the registry; the "
            "organisation with its registries from its page, by an admin. It can be taken back for a week; its teams stay. The record of "
            "acts stays, by an opaque id."
        ),
    ),
)
