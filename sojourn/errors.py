"""Every error that a call may raise: what it means and what to do is in its docstring.

All are subclasses of SojournError, and say in one sentence what is wrong and what to do. Errors of psycopg that no
attempt can cure (a caller's serialization failure, for example) pass through as they are.
"""

from application.analyse.concurrency import InvalidBucket, TooManyBuckets
from application.analyse.sla import SlaInvalid, UnknownTemplate
from application.cases.case_file import InvalidCase, UnsupportedCaseFormat
from application.cases.opened_case import OpeningForbidden, UnknownCase
from application.exports.exporter import CsvOnly
from application.exports.formats import UnknownExport
from application.imports.formats import UnknownFormat, WrongFormat
from application.imports.formats.jobmon import MissingColumns
from application.imports.formats.nextflow import MissingTraceFields
from application.imports.formats.sacct import MissingSacctFields, UnknownSacctLayout
from application.imports.input_file import UnreadableInput
from application.imports.local_time import TimeZoneNeeded, UnknownTimeZone
from application.maintain.rebuild import RebuildForbidden, RebuildRunning, SwapPrevented, TablesInUse
from application.maintain.tokens import TokenExists
from application.shared.lifecycle_source import LifecycleFileInvalid
from application.shared.output_file import OutputExists, OutputNotWritable
from domain.errors import (
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
    InvalidThreshold,
    InvalidTime,
    InvalidTransition,
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
    WrongLifecycle,
)
from infrastructure.database.embedded import EmbeddedServerFailed
from infrastructure.database.private_folder import PrivateFolderTaken
from infrastructure.database.schema_errors import (
    MigrationEdited,
    ReadingForbidden,
    SchemaForeign,
    SchemaMissing,
    SchemaNewer,
    SchemaOutdated,
    SetupForbidden,
)
from infrastructure.database.server_provider import NoServerForData
from infrastructure.database.settings import InvalidSetting
from infrastructure.errors import (
    ConnectionLost,
    DatabaseExhausted,
    DatabaseNotUtf8,
    DatabaseReadOnly,
    DatabaseTooOld,
    DatabaseUnreachable,
    RetriesExhausted,
    ServiceClosed,
    StatementCancelled,
    TransactionPooling,
    UnreadableDsn,
)

__all__ = [
    "CommandConflict",
    "ConnectionLost",
    "CsvOnly",
    "DatabaseExhausted",
    "DatabaseNotUtf8",
    "DatabaseReadOnly",
    "DatabaseTooOld",
    "DatabaseUnreachable",
    "EmbeddedServerFailed",
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
    "InvalidSetting",
    "InvalidThreshold",
    "InvalidTime",
    "InvalidTransition",
    "LeaseTooLong",
    "LifecycleConflict",
    "LifecycleFileInvalid",
    "LifecycleInvalid",
    "MigrationEdited",
    "MissingColumns",
    "MissingExtra",
    "MissingSacctFields",
    "MissingTraceFields",
    "NoCurrentState",
    "NoServerForData",
    "NotOfArray",
    "OpeningForbidden",
    "OutputExists",
    "OutputNotWritable",
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
    "ServiceClosed",
    "SetupForbidden",
    "SlaInvalid",
    "SojournError",
    "StatementCancelled",
    "SwapPrevented",
    "TablesInUse",
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
    "UnknownTemplate",
    "UnknownTimeZone",
    "UnreadableDsn",
    "UnreadableInput",
    "UnsupportedCaseFormat",
    "WrongFormat",
    "WrongLifecycle",
]
