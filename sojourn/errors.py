"""Every error that a call may raise: what it means and what to do is in its docstring.

All are subclasses of SojournError, and say in one sentence what is wrong and what to do. Errors of psycopg that no
attempt can cure (a caller's serialization failure, for example) pass through as they are.
"""

from application.analyse.concurrency import InvalidBucket, TooManyBuckets
from application.analyse.sla import SlaInvalid, UnknownTemplate
from application.archive.errors import (
    ArchiveDamaged,
    ArchivingForbidden,
    ForeignArchive,
    NotArchivable,
    NotArchived,
    SealedWithout,
)
from application.cases.case_file import InvalidCase, UnsupportedCaseFormat
from application.cases.opened_case import OpeningForbidden, UnknownCase
from application.erase.erase import ErasureWithoutReason
from application.exports.exporter import CsvOnly
from application.exports.formats import UnknownExport
from application.imports.formats import UnknownFormat, WrongFormat
from application.imports.formats.jobmon import MissingColumns
from application.imports.formats.sacct import MissingSacctFields, UnknownSacctLayout
from application.imports.input_file import UnreadableInput
from application.imports.local_time import TimeZoneNeeded, UnknownTimeZone
from application.imports.seqera_tasks import UnknownTaskList
from application.imports.trace_file import MissingTraceFields
from application.maintain.maintenance import MaintenanceFailed, MaintenanceRunning
from application.maintain.rebuild import RebuildForbidden, RebuildRunning, SwapPrevented, TablesInUse
from application.maintain.tokens import TokenExists
from application.seals.check_proof_file import InvalidProof, InvalidRoot
from application.seals.last_verified import NothingVerified
from application.seals.prove import NotSealed
from application.shared.lifecycle_source import LifecycleFileInvalid
from application.shared.output_file import OutputExists, OutputNotWritable
from application.shared.owner import OwnerRequired
from domain.errors import (
    AmbiguousEntity,
    Archived,
    CommandConflict,
    FutureTime,
    InvalidAttributes,
    InvalidConcurrency,
    InvalidDetails,
    InvalidDuration,
    InvalidEntity,
    InvalidId,
    InvalidLimit,
    InvalidMaxAttempts,
    InvalidStart,
    InvalidThreshold,
    InvalidTime,
    InvalidTransition,
    InvalidWait,
    LeaseTooLong,
    LifecycleConflict,
    LifecycleInvalid,
    MissingExtra,
    NoCurrentState,
    NotOfArray,
    OwnershipViolation,
    ReasonTooLong,
    RuleFailed,
    SojournError,
    TaskBegun,
    TaskConflict,
    TaskInstanceConflict,
    TimesReversed,
    TooLateToChange,
    UnknownArray,
    UnknownBatch,
    UnknownChoice,
    UnknownEntity,
    UnknownEvent,
    UnknownLifecycle,
    UnknownName,
    UnknownOrphanRule,
    UnknownRule,
    UnknownStatus,
    UpstreamCycle,
    WrongLifecycle,
)
from infrastructure.database.embedded import EmbeddedServerFailed
from infrastructure.database.private_folder import PrivateFolderTaken
from infrastructure.database.server_provider import NoServerForData
from infrastructure.database.settings import InvalidSetting
from infrastructure.errors import (
    ConnectionLost,
    DatabaseExhausted,
    DatabaseNotUtf8,
    DatabaseReadOnly,
    DatabaseTooOld,
    DatabaseUnreachable,
    LockTimeout,
    RetriesExhausted,
    ServiceClosed,
    StatementCancelled,
    TransactionPooling,
    UnreadableDsn,
    UnstorableValue,
)
from infrastructure.schema.schema_errors import (
    MigrationEdited,
    ReadingForbidden,
    SchemaForeign,
    SchemaMissing,
    SchemaNewer,
    SchemaOutdated,
    SetupForbidden,
)
from infrastructure.seal_keys import InvalidSealKey

__all__ = [
    "AmbiguousEntity",
    "ArchiveDamaged",
    "Archived",
    "ArchivingForbidden",
    "CommandConflict",
    "ConnectionLost",
    "CsvOnly",
    "DatabaseExhausted",
    "DatabaseNotUtf8",
    "DatabaseReadOnly",
    "DatabaseTooOld",
    "DatabaseUnreachable",
    "EmbeddedServerFailed",
    "ErasureWithoutReason",
    "ForeignArchive",
    "FutureTime",
    "InvalidAttributes",
    "InvalidBucket",
    "InvalidCase",
    "InvalidConcurrency",
    "InvalidDetails",
    "InvalidDuration",
    "InvalidEntity",
    "InvalidId",
    "InvalidLimit",
    "InvalidMaxAttempts",
    "InvalidProof",
    "InvalidRoot",
    "InvalidSealKey",
    "InvalidSetting",
    "InvalidStart",
    "InvalidThreshold",
    "InvalidTime",
    "InvalidTransition",
    "InvalidWait",
    "LeaseTooLong",
    "LifecycleConflict",
    "LifecycleFileInvalid",
    "LifecycleInvalid",
    "LockTimeout",
    "MaintenanceFailed",
    "MaintenanceRunning",
    "MigrationEdited",
    "MissingColumns",
    "MissingExtra",
    "MissingSacctFields",
    "MissingTraceFields",
    "NoCurrentState",
    "NoServerForData",
    "NotArchivable",
    "NotArchived",
    "NotOfArray",
    "NotSealed",
    "NothingVerified",
    "OpeningForbidden",
    "OutputExists",
    "OutputNotWritable",
    "OwnerRequired",
    "OwnershipViolation",
    "PrivateFolderTaken",
    "ReadingForbidden",
    "ReasonTooLong",
    "RebuildForbidden",
    "RebuildRunning",
    "RetriesExhausted",
    "RuleFailed",
    "SchemaForeign",
    "SchemaMissing",
    "SchemaNewer",
    "SchemaOutdated",
    "SealedWithout",
    "ServiceClosed",
    "SetupForbidden",
    "SlaInvalid",
    "SojournError",
    "StatementCancelled",
    "SwapPrevented",
    "TablesInUse",
    "TaskBegun",
    "TaskConflict",
    "TaskInstanceConflict",
    "TimeZoneNeeded",
    "TimesReversed",
    "TokenExists",
    "TooLateToChange",
    "TooManyBuckets",
    "TransactionPooling",
    "UnknownArray",
    "UnknownBatch",
    "UnknownCase",
    "UnknownChoice",
    "UnknownEntity",
    "UnknownEvent",
    "UnknownExport",
    "UnknownFormat",
    "UnknownLifecycle",
    "UnknownName",
    "UnknownOrphanRule",
    "UnknownRule",
    "UnknownSacctLayout",
    "UnknownStatus",
    "UnknownTaskList",
    "UnknownTemplate",
    "UnknownTimeZone",
    "UnreadableDsn",
    "UnreadableInput",
    "UnstorableValue",
    "UnsupportedCaseFormat",
    "UpstreamCycle",
    "WrongFormat",
    "WrongLifecycle",
]
