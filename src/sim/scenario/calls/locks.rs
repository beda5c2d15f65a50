//! Thread-specific storage, `PyMutex`, critical sections.

use super::Parameter::In;
use super::Type::{CriticalSection, CriticalSection2, Int, Mutex, Object, Pointer, TssKey, Void};
use super::row::{core, data, entry, surface};
use super::{Call, Kind, Row};

pub(super) const ROWS: &[Row] = &[
    data("PyThread_tss_alloc", &[], TssKey)
        .says("allocates a key that is not created yet")
        .runs(Call::ThreadTssAlloc),
    data("PyThread_tss_free", &[In(TssKey)], Void)
        .says("deletes and frees a key")
        .runs(Call::ThreadTssFree),
    data("PyThread_tss_is_created", &[In(TssKey)], Int)
        .says("whether a key is created")
        .runs(Call::ThreadTssIsCreated),
    data("PyThread_tss_create", &[In(TssKey)], Int)
        .says("creates a key once; not atomic against another create")
        .runs(Call::ThreadTssCreate),
    data("PyThread_tss_delete", &[In(TssKey)], Void)
        .says("deletes a key: every thread forgets its value")
        .runs(Call::ThreadTssDelete),
    data("PyThread_tss_set", &[In(TssKey), In(Pointer)], Int)
        .says("sets this thread's value")
        .runs(Call::ThreadTssSet),
    data("PyThread_tss_get", &[In(TssKey)], Pointer)
        .says("this thread's value, or `NULL`")
        .runs(Call::ThreadTssGet),
    surface("PyThread_create_key", &[], Int)
        .deprecated(7)
        .says("makes an old-style key, or -1")
        .runs(Call::ThreadCreateKey),
    surface("PyThread_delete_key", &[In(Int)], Void)
        .deprecated(7)
        .says("deletes an old-style key")
        .runs(Call::ThreadDeleteKey),
    surface("PyThread_set_key_value", &[In(Int), In(Pointer)], Int)
        .deprecated(7)
        .says("sets this thread's value")
        .runs(Call::ThreadSetKeyValue),
    surface("PyThread_get_key_value", &[In(Int)], Pointer)
        .deprecated(7)
        .says("this thread's value, or `NULL`")
        .runs(Call::ThreadGetKeyValue),
    surface("PyThread_delete_key_value", &[In(Int)], Void)
        .deprecated(7)
        .says("forgets this thread's value")
        .runs(Call::ThreadDeleteKeyValue),
    surface("PyThread_ReInitTLS", &[], Void)
        .deprecated(7)
        .says("does nothing")
        .runs(Call::ThreadReInitTls),
    entry(Kind::Type, "Py_tss_t", "a key of thread-specific storage"),
    entry(
        Kind::Constant,
        "Py_tss_NEEDS_INIT",
        "a key that is not created yet",
    ),
    entry(
        Kind::Type,
        "PyMutex",
        "a mutex of one byte that detaches while it waits",
    )
    .since(13),
    core("PyMutex_Lock", &[In(Mutex)], Void)
        .since(13)
        .blocks()
        .says("locks a mutex; detaches while it waits")
        .runs(Call::MutexLock),
    core("PyMutex_Unlock", &[In(Mutex)], Void)
        .since(13)
        .fatal(&["unlocking mutex that is not locked"])
        .says("unlocks a mutex; any thread may")
        .runs(Call::MutexUnlock),
    core("PyMutex_IsLocked", &[In(Mutex)], Int)
        .since(14)
        .says("whether a mutex is locked; stale at once")
        .runs(Call::MutexIsLocked),
    core("Py_BEGIN_CRITICAL_SECTION", &[In(Object)], Void)
        .kind(Kind::Macro)
        .since(13)
        .attached()
        .blocks()
        .says("opens a block under an object's lock; nothing in default builds")
        .runs(Call::BeginCriticalSection),
    core(
        "Py_BEGIN_CRITICAL_SECTION2",
        &[In(Object), In(Object)],
        Void,
    )
    .kind(Kind::Macro)
    .since(13)
    .attached()
    .blocks()
    .says("opens a block under two objects' locks; nothing in default builds")
    .runs(Call::BeginCriticalSection2),
    core("Py_BEGIN_CRITICAL_SECTION_MUTEX", &[In(Mutex)], Void)
        .kind(Kind::Macro)
        .since(14)
        .attached()
        .blocks()
        .says("opens a block under a mutex; nothing in default builds")
        .runs(Call::BeginCriticalSectionMutex),
    core(
        "Py_BEGIN_CRITICAL_SECTION2_MUTEX",
        &[In(Mutex), In(Mutex)],
        Void,
    )
    .kind(Kind::Macro)
    .since(14)
    .attached()
    .blocks()
    .says("opens a block under two mutexes; nothing in default builds")
    .runs(Call::BeginCriticalSection2Mutex),
    core("Py_END_CRITICAL_SECTION", &[], Void)
        .kind(Kind::Macro)
        .since(13)
        .blocks()
        .says("closes the block"),
    core("Py_END_CRITICAL_SECTION2", &[], Void)
        .kind(Kind::Macro)
        .since(13)
        .blocks()
        .says("closes the block"),
    entry(
        Kind::Type,
        "PyCriticalSection",
        "a critical section of one lock",
    )
    .since(13),
    entry(
        Kind::Type,
        "PyCriticalSection2",
        "a critical section of two locks",
    )
    .since(13),
    core(
        "PyCriticalSection_Begin",
        &[In(CriticalSection), In(Object)],
        Void,
    )
    .since(13)
    .attached()
    .blocks()
    .says("the macro as a function")
    .runs(Call::CriticalSectionBegin),
    core(
        "PyCriticalSection_BeginMutex",
        &[In(CriticalSection), In(Mutex)],
        Void,
    )
    .since(14)
    .attached()
    .blocks()
    .says("the macro as a function")
    .runs(Call::CriticalSectionBeginMutex),
    core("PyCriticalSection_End", &[In(CriticalSection)], Void)
        .since(13)
        .blocks()
        .says("the macro as a function")
        .runs(Call::CriticalSectionEnd),
    core(
        "PyCriticalSection2_Begin",
        &[In(CriticalSection2), In(Object), In(Object)],
        Void,
    )
    .since(13)
    .attached()
    .blocks()
    .says("the macro as a function")
    .runs(Call::CriticalSection2Begin),
    core(
        "PyCriticalSection2_BeginMutex",
        &[In(CriticalSection2), In(Mutex), In(Mutex)],
        Void,
    )
    .since(14)
    .attached()
    .blocks()
    .says("the macro as a function")
    .runs(Call::CriticalSection2BeginMutex),
    core("PyCriticalSection2_End", &[In(CriticalSection2)], Void)
        .since(13)
        .blocks()
        .says("the macro as a function")
        .runs(Call::CriticalSection2End),
];
