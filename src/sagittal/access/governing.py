"""Decisions about single studies, asked for at a door: sharing, breaking the glass, legal holds, patients' consents.

Each asks the policy first; what one may not see is answered like what is not there. What is decided and its line in
the ledger are one transaction.
"""

import time
from collections.abc import Callable
from typing import Final, Literal, Protocol, TypeVar

from sqlalchemy import Connection

from sagittal.access import accounts, break_glass, consent, shares
from sagittal.access.asking import ask
from sagittal.access.break_glass import Broken
from sagittal.access.consent import PURPOSES, Hold, Of, Purpose
from sagittal.access.permits import Restriction
from sagittal.access.shares import NewShare, Share
from sagittal.archive.reader import ArchiveReader
from sagittal.archive.records.records import Records
from sagittal.errors import Invalid, NotFound
from sagittal.runtime.actor import Action, Actor

T = TypeVar("T")

MOST_LISTED: Final = 500


class Scribe(Protocol):
    """Writes a line of the ledger inside a transaction, as `audit.chronicle.Chronicle` does."""

    def note(
        self,
        connection: Connection,
        actor: Actor,
        kind: Literal["share", "break glass", "break glass ended", "policy changed"],
        *,
        subject: str = "",
        detail: str = "",
        study_instance_uid: str = "",
    ) -> None:
        """Adds a line. Nothing that names a patient goes into it."""


class Governing:
    """Decides on behalf of actors. Belongs to one event loop."""

    def __init__(
        self, archive: ArchiveReader, records: Records, scribe: Scribe, *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """For the studies of `archive`, with lines by `scribe`; `clock`: nanoseconds since 1970-01-01 UTC."""
        self._archive = archive
        self._records = records
        self._scribe = scribe
        self._clock = clock

    # Sharing

    async def share(self, actor: Actor, new: NewShare, to_account: str = "") -> int:
        """Gives a study or one series of it; `to_account`: the name of an account, instead of its number.

        Raises:
            Refused: the actor may share nothing, or the patient does not consent.
            NotFound: there is no such study that they may share, or nobody of that name.
            Invalid: it is to be given to nobody, or to two.
        """
        allowed = ask(self._archive.witness, actor, "share")
        of = await self._find(allowed, new.study_instance_uid, new.series_instance_uid)
        now_ns = self._clock()

        def write(connection: Connection) -> int:
            given, purposes = new, ["share"]
            if to_account:
                account = accounts.find(connection, to_account)
                given = new._replace(to_account=account.id)
                purposes += consent.purposes_of({held.role for held in account.roles})
            elif new.to_facility:
                accounts.check_facility(connection, new.to_facility)
            for purpose in PURPOSES:
                if purpose in purposes:
                    consent.require_consent(connection, of, purpose, now_ns)
            number = shares.give(connection, given, actor.name, now_ns)
            whom = f"account {to_account}" if to_account else f"facility {new.to_facility}"
            self._note(connection, actor, "share", f"share {number}", f"{new.kind} to {whom}", of.study_instance_uid)
            return number

        return await self._records.write(write)

    async def shares_of(self, actor: Actor, study_instance_uid: str) -> tuple[Share, ...]:
        """All that was ever given of a study. Raises as `share` does."""
        await self._find(ask(self._archive.witness, actor, "share"), study_instance_uid)
        return await self._records.read(lambda connection: shares.of_study(connection, study_instance_uid))

    async def take_back(self, actor: Actor, number: int) -> None:
        """Takes a share back, at once. Raises NotFound if there is none in force of a study that they may share."""
        allowed = ask(self._archive.witness, actor, "share")
        rows = await self._records.fetch("SELECT study_instance_uid FROM shares WHERE id = ?", (number,))
        study = rows[0][0] if rows else ""
        await self._find(allowed, study, what=f"there is no share {number} to take back")

        def write(connection: Connection) -> None:
            shares.revoke(connection, number, self._clock())
            self._note(connection, actor, "share", f"share {number}", "taken back", study)

        await self._records.write(write)

    # Glass

    def check_may_break(self, actor: Actor) -> None:
        """Raises Refused for those who may break no glass."""
        ask(self._archive.witness, actor, "break_glass")

    async def break_glass(self, actor: Actor, study_instance_uid: str, reason: str) -> int:
        """Opens a study of whatever facility to a person for a while; gives the number under which it is reviewed.

        Raises:
            Refused: the policy lets them break no glass.
            NotFound: there is no such study.
            Invalid: no reason was given.
        """
        ask(self._archive.witness, actor, "break_glass")
        await self._find(None, study_instance_uid)

        def write(connection: Connection) -> int:
            number = break_glass.open_study(connection, actor, study_instance_uid, reason, self._clock())
            self._note(connection, actor, "break glass", f"glass {number}", "", study_instance_uid)
            return number

        return await self._records.write(write)

    async def to_review(self, actor: Actor) -> tuple[tuple[Broken, str], ...]:
        """Glass that was broken at their facilities and that nobody has looked at, with the names of who did it."""
        allowed = ask(self._archive.witness, actor, "audit", has_series=False)
        seen = await self._numbers("broken_glass", "broken_glass.reviewed_ns = 0", allowed)
        waiting = await self._records.read(lambda connection: break_glass.to_review(connection, MOST_LISTED))
        names = dict(await self._records.fetch("SELECT id, name FROM accounts", ()))
        return tuple((one, str(names.get(one.account, ""))) for one in waiting if seen is None or one.id in seen)

    async def review(self, actor: Actor, number: int, verdict: str) -> None:
        """Says what was found. Raises NotFound if no such glass of their facilities waits; Refused for one's own."""
        if not any(one.id == number for one, _ in await self.to_review(actor)):
            raise NotFound(f"no broken glass {number} waits for review")
        if not verdict.strip():
            raise Invalid("a review says what was found")

        def write(connection: Connection) -> None:
            break_glass.review(connection, number, actor, verdict, self._clock())
            self._note(connection, actor, "break glass ended", f"glass {number}", "reviewed", "")

        await self._records.write(write)

    # Holds and consents

    async def hold(self, actor: Actor, study_instance_uid: str, patient_id: str, issuer: str, reason: str) -> int:
        """Holds a study or, where none is named, all of a patient: nothing of it is purged. Gives the hold's number."""
        of = await self._named(actor, "manage", study_instance_uid, patient_id, issuer)

        def write(connection: Connection) -> int:
            number = consent.hold(connection, of, reason, actor.name, self._clock())
            self._note(connection, actor, "policy changed", f"hold {number}", "made", study_instance_uid)
            return number

        return await self._records.write(write)

    async def holds(self, actor: Actor) -> tuple[Hold, ...]:
        """Those in force on what they manage."""
        allowed = ask(self._archive.witness, actor, "manage", has_series=False)
        seen = await self._numbers("holds", "holds.lifted_ns = 0", allowed)
        every = await self._records.read(lambda connection: consent.every_hold(connection, MOST_LISTED))
        return tuple(one for one in every if seen is None or one.id in seen)

    async def lift(self, actor: Actor, number: int) -> None:
        """Ends a hold. Raises NotFound if none is in force on what they manage."""
        found = [one for one in await self.holds(actor) if one.id == number]
        if not found:
            raise NotFound(f"no hold {number} is in force")

        def write(connection: Connection) -> None:
            consent.lift(connection, number, actor.name, self._clock())
            study = found[0].study_instance_uid
            self._note(connection, actor, "policy changed", f"hold {number}", "lifted", study)

        await self._records.write(write)

    async def record(
        self, actor: Actor, patient_id: str, issuer: str, purpose: Purpose, *, is_given: bool, expires_ns: int = 0
    ) -> None:
        """Keeps what a patient, of whom they may change studies, said to a purpose; the last word counts."""
        of = await self._named(actor, "change", "", patient_id, issuer)

        def write(connection: Connection) -> None:
            now_ns = self._clock()
            consent.record(connection, of, purpose, actor.name, now_ns, is_given=is_given, expires_ns=expires_ns)
            said = f"{purpose}: {'yes' if is_given else 'no'}"
            self._note(connection, actor, "policy changed", "consent", said, "")

        await self._records.write(write)

    # Inside

    def _note(
        self,
        connection: Connection,
        actor: Actor,
        kind: Literal["share", "break glass", "break glass ended", "policy changed"],
        subject: str,
        detail: str,
        study: str,
    ) -> None:
        self._scribe.note(connection, actor, kind, subject=subject, detail=detail, study_instance_uid=study)

    async def _find(self, allowed: Restriction | None, study: str, series: str = "", what: str = "") -> Of:
        """The study, with its patient. Raises NotFound, in the same words whether it is not there or not theirs."""
        sql = (
            "SELECT studies.study_instance_uid, studies.patient_id, studies.issuer FROM studies"
            " JOIN series ON series.study = studies.id WHERE studies.study_instance_uid = ?"
        )
        values: tuple[object, ...] = (study,)
        if series:
            sql, values = f"{sql} AND series.series_instance_uid = ?", (study, series)
        if allowed is not None:
            sql, values = f"{sql} AND {allowed.sql}", (*values, *allowed.values)
        rows = await self._archive.fetch(f"{sql} LIMIT 1", values)
        if not rows:
            raise NotFound(what or "no such study or series is kept here")
        return Of(*rows[0])

    async def _named(self, actor: Actor, action: Action, study: str, patient_id: str, issuer: str) -> Of:
        """What a hold or a consent is about. Raises NotFound unless they may do that to some study of it."""
        allowed = ask(self._archive.witness, actor, action)
        if bool(study) == bool(patient_id):
            raise Invalid("it is about a study or about a patient, one of the two")
        if study and allowed is None:  # it may be rejected, and waits to be purged
            return Of(study, "", "")
        if study:
            return (await self._find(allowed, study))._replace(patient_id="", issuer="")
        if allowed is not None:
            rows = await self._archive.fetch(
                "SELECT 1 FROM studies JOIN series ON series.study = studies.id WHERE studies.patient_id = ?"  # noqa: S608  # a condition of ours
                f" AND studies.issuer = ? AND {allowed.sql} LIMIT 1",
                (patient_id, issuer, *allowed.values),
            )
            if not rows:
                raise NotFound("no such patient has studies here")
        return Of("", patient_id, issuer)

    async def _numbers(self, table: str, condition: str, allowed: Restriction | None) -> set[int] | None:
        """The ids of rows that are about studies they may do something to; None for all."""
        if allowed is None:
            return None
        of_patient = ""
        if table == "holds":
            of_patient = (
                " OR (holds.study_instance_uid = '' AND studies.patient_id = holds.patient_id"
                " AND studies.issuer = holds.issuer)"
            )
        rows = await self._archive.fetch(
            f"SELECT {table}.id FROM {table} WHERE {condition} AND EXISTS (SELECT 1 FROM studies WHERE"  # noqa: S608  # names of ours
            f" (studies.study_instance_uid = {table}.study_instance_uid{of_patient}) AND {allowed.sql})",
            allowed.values,
        )
        return {number for (number,) in rows}
