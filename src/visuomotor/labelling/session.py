"""One sitting of labelling: what is asked next, what was said, and taking it back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from visuomotor.contracts import UInt8
from visuomotor.errors import ConfigError, DataError, Interrupted
from visuomotor.labelling.balance import imbalance
from visuomotor.labelling.folder import LabelFolder, check_labels
from visuomotor.labelling.images import decode, fitted, reduced
from visuomotor.labelling.sources import Picture

MOST_LABELS = 9


@dataclass(frozen=True)
class _Before:
    """A picture as it was, for undo."""

    picture: str
    label: str | None
    skipped: bool


class LabelSession:
    """Labels pictures, each on disk when `label` returns; a picture that has a label is not asked.

    longest_px: larger pictures are written smaller; 0: none is. Skips, and what can be undone,
    are forgotten with it. Thread-safe.
    """

    def __init__(
        self,
        folder: LabelFolder,
        labels: Sequence[str],
        pictures: Sequence[Picture],
        longest_px: int = 640,
    ) -> None:
        self.labels = check_labels(labels)
        if not 2 <= len(labels) <= MOST_LABELS:
            raise ConfigError(f"labels: got {len(labels)}, expected 2 to {MOST_LABELS}: a key each")
        if longest_px and longest_px < 64:
            raise ConfigError(f"longest_px: got {longest_px}, expected 64 or more, or 0: as it is")
        self.folder, self._longest_px = folder, longest_px
        self.pictures = {p.identity: p for p in pictures}
        self.broken: dict[str, str] = {}
        self._skipped: set[str] = set()
        self._history: list[list[_Before]] = []
        self._lock = threading.RLock()
        self._closed = False

    def label(self, pictures: Sequence[str], label: str) -> None:
        """Gives pictures (identities) a label, or another one; one undo takes all of it back.

        A picture that cannot be read is skipped, and the others get theirs; then DataError says
        why. DataError also for a picture or label that does not exist, or a full disk.
        """
        if label not in self.labels:
            raise DataError(f"label: got {label!r}, expected one of {', '.join(self.labels)}")
        self._step(pictures, lambda picture: self._put(picture, label))

    def skip(self, pictures: Sequence[str]) -> None:
        """Does not ask for these again in this sitting; one that has a label keeps it."""
        self._step(pictures, lambda picture: self._skipped.add(picture.identity))

    def undo(self) -> list[str]:
        """Takes the last `label` or `skip` back; returns its pictures, none if there is none."""
        with self._lock:
            self._open()
            step = self._history[-1] if self._history else []
            for before in step:
                self._restore(before)
            del self._history[-1:]
            return [before.picture for before in step]

    def look(self, picture: str, longest_px: int) -> UInt8:
        """A picture for the eye, RGB; one that cannot be read is skipped with a DataError."""
        known = self._known(picture)
        try:
            return reduced(decode(known.read(), known.where, longest_px), longest_px)
        except DataError as error:
            self._broke(known, error)
            raise

    def asked(self, picture: str) -> bool:
        """Whether it still waits for a label."""
        with self._lock:
            return self.folder.label_of(picture) is None and picture not in self._skipped

    def entry(self, picture: str) -> dict[str, Any]:
        """What is known of a picture, as plain values."""
        with self._lock:
            return {
                "id": picture,
                "where": self._known(picture).where,
                "label": self.folder.label_of(picture),
                "skipped": picture in self._skipped,
                "broken": self.broken.get(picture, ""),
            }

    def counts(self) -> dict[str, int]:
        """Pictures per label in the folder, these and others; the sitting's labels come first."""
        with self._lock:
            found = self.folder.counts()
        return {**{label: found.get(label, 0) for label in self.labels}, **found}

    def warning(self) -> str:
        """What is uneven; empty: nothing."""
        counts = self.counts()
        return imbalance({label: counts[label] for label in self.labels})

    def close(self) -> None:
        """Waits for what is being written; from now on every change raises Interrupted."""
        with self._lock:
            self._closed = True

    def _step(self, pictures: Sequence[str], change: Callable[[Picture], None]) -> None:
        errors: list[DataError] = []
        with self._lock:
            self._open()
            known = [self._known(p) for p in dict.fromkeys(pictures)]
            step: list[_Before] = []
            self._history.append(step)
            for picture in known:
                before = self._before(picture.identity)
                try:
                    change(picture)
                except DataError as error:
                    errors.append(error)
                step.append(before)
            if all(self._before(b.picture) == b for b in step):
                self._history.pop()
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise DataError(f"{errors[0]}{more}")

    def _put(self, picture: Picture, label: str) -> None:
        key = picture.identity
        had = self.folder.label_of(key)
        if had is None:
            try:
                data = fitted(picture.read(), picture.where, self._longest_px)
            except DataError as error:
                self._broke(picture, error)
                raise
            self.folder.add(key, picture.source, data, label)
        elif had != label:
            self.folder.move(key, label)
        self._skipped.discard(key)

    def _restore(self, before: _Before) -> None:
        has = self.folder.label_of(before.picture)
        if before.label is None and has is not None:
            self.folder.remove(before.picture)
        elif before.label is not None and has != before.label:
            self.folder.move(before.picture, before.label)
        (self._skipped.add if before.skipped else self._skipped.discard)(before.picture)

    def _before(self, picture: str) -> _Before:
        return _Before(picture, self.folder.label_of(picture), picture in self._skipped)

    def _broke(self, picture: Picture, error: DataError) -> None:
        with self._lock:
            self.broken[picture.identity] = str(error)
            self._skipped.add(picture.identity)

    def _known(self, picture: str) -> Picture:
        if picture not in self.pictures:
            raise DataError(f"no picture {picture!r} here; load the page again")
        return self.pictures[picture]

    def _open(self) -> None:
        if self._closed:
            raise Interrupted("the labeller is stopping; this was not written")
