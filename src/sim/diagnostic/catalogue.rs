//! The codes of diagnostics, each with a title and a paragraph for `tstate explain`.

use std::fmt;
use std::str::FromStr;

macro_rules! catalogue {
    ($($code:ident $title:literal $explanation:literal)*) => {
        /// A code that `tstate explain` knows. `S0…` is about the text, `S1…` about names, `S2…` about calls, `S3…`
        /// about the program as a whole, `S4…` about what is not modelled yet; `V1…` is about claims that do not hold,
        /// `V2…` about outcomes; `T…` is about settings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $code,)*
        }

        impl Code {
            /// Every code in ascending order.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// The code as written.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$code => stringify!($code)),* }
            }

            /// What it is about, in a few words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$code => $title),* }
            }

            /// What it means, why it is refused and what to write instead.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$code => $explanation),* }
            }
        }
    };
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A text that is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such code")]
pub struct ParseCodeError;

impl FromStr for Code {
    type Err = ParseCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .iter()
            .find(|code| code.name().eq_ignore_ascii_case(text));
        found.copied().ok_or(ParseCodeError)
    }
}

catalogue! {
    S001 "a character that the language does not use"
    "Scenario files use names, numbers, strings and C's punctuation. There is no preprocessor (`#include`, `#define`), \
     no arithmetic beyond `+` and `-`, and no character constants. Leave the character out, or put it in a comment."
    S002 "a block is not closed"
    "A `{`, or a macro such as `Py_BEGIN_ALLOW_THREADS`, has no matching end before the next item or the end of the \
     file. As in C, `Py_BEGIN_ALLOW_THREADS` opens a block that `Py_END_ALLOW_THREADS` closes in the same block."
    S003 "something else was expected here"
    "The text does not follow the grammar. A statement is a call, a declaration with a call, or begins with one of the \
     language's words (`start`, `join`, `eval`, `lock`, `repeat`, `choose`, ...), and ends at the line end or at `;`."
    S004 "C control flow"
    "Lines of calls paste from C; loops and jumps do not, since every path has to be explored. Write `repeat N { ... }` \
     or `repeat until COND { ... }` for a loop, `if COND { ... } else { ... }` for a branch, and `choose` for either way."
    S005 "a number or a string that cannot be read"
    "Numbers are decimal or `0x` hexadecimal, may use `_`, and fit in 64 bits. Strings have C's simple escapes."
    S006 "a string or a comment is not closed"
    "A string ends on the line on which it begins. A `/*` comment ends with `*/`; such comments do not nest."
    S007 "nested too deeply"
    "Blocks and expressions may nest 64 levels deep, and one expression may have 256 operators. Nobody has a protocol \
     that needs more; a generated file can bind intermediate results to names."
    S008 "the file is too large"
    "A scenario file may have 1 MiB. A search over a file of that size would not end anyway: split it."
    S009 "a closing macro without its opening one"
    "`Py_END_ALLOW_THREADS` and `Py_END_CRITICAL_SECTION()` close the block that their `BEGIN` opened, in the same \
     block, innermost first; `Py_BLOCK_THREADS` and `Py_UNBLOCK_THREADS` stand between `Py_BEGIN_ALLOW_THREADS` and its \
     end, because they use its hidden local."
    S010 "a call where only a value can stand"
    "Conditions, claims and operands are read in one step, so they cannot make calls. Bind the result to a name in a \
     statement of its own, `ok = PyGILState_Check()`, and use the name."
    S011 "a C form that scenarios do not have"
    "Structures are not filled field by field and arrays and casts do not exist: write the structure where it is \
     declared or used, `PyInterpreterConfig own = { .gil = OWN_GIL }`. The rest of its fields are 0, as in C."
    S012 "an unknown version of the language"
    "`capi N` pins the version of the language that a file is written in. This program knows version 1."
    S013 "an unknown profile"
    "A profile is a release from 3.8 to 3.15 (`3.14`, with patch level `3.13.8`), a free-threaded build from 3.13 on \
     (`3.14t`), a range of minor releases (`3.9 .. 3.12`), or `sound`, in which every known defect is put right."

    S101 "an unknown call"
    "No C function, macro or word of the language has this name. `tstate api` lists the calls and their releases."
    S102 "an unknown thread, callback or primitive"
    "The name is not declared in this file. Threads, callbacks, native primitives and objects are items of the file."
    S103 "a name that is not bound"
    "A name is bound by a statement, `g = PyGILState_Ensure()`, and belongs to the body that binds it; other bodies may \
     read it too. No body binds this one, and it is no constant and no state function."
    S104 "an ambiguous name"
    "Several bodies, or several starts of one body, bind this name. Say whose is meant: `worker.g`, or `worker[1].g` \
     for the second start of `worker` (starts count from 0)."
    S105 "a name is declared twice"
    "Threads, callbacks, flags, mutexes, semaphores, objects and C objects of a file share one name space, and a name \
     means one thing only."
    S106 "`thread main` is missing"
    "The process starts with `thread main { ... }` and ends when it does. Every file has exactly one; nothing starts it."
    S107 "a name of the wrong kind"
    "The statement needs another kind of thing: `lock` a native mutex, `post` and `wait` a semaphore, `set` and `clear` \
     a flag, `start` and `join` a thread, `new` an object. A `PyMutex` is locked by `PyMutex_Lock(&m)`."
    S108 "an unknown field"
    "`ts->interp` is the only public field of a thread state. The fields of `PyInterpreterConfig` are \
     `use_main_obmalloc`, `allow_fork`, `allow_exec`, `allow_threads`, `allow_daemon_threads`, \
     `check_multi_interp_extensions` and `gil`."
    S109 "an unknown outcome"
    "Outcomes are `ok`, `hang(T)`, `exit(T)`, `leak`, `lost(f)`, `repeated(f)`, `livelock(T)`, `deadlock(T)`, \
     `assertion`, `fatal(\"...\")`, `crash(KIND)`, `child(OUTCOME)` and `inconclusive`. Kinds of crash are \
     `use_after_free`, `no_thread_state`, `wrong_interpreter` and `two_holders`."
    S110 "an unknown restriction"
    "A claim is restricted by `for python >= 3.12`, `for python in 3.9 .. 3.11`, `for 3.14t`, `for free_threaded`, \
     `for sound` or the name of a fault of the `faults` line, joined by `&&`, `||` and `!`."
    S111 "a start of a thread that does not exist"
    "`worker[1]` is the second start of `worker`: starts count from 0, and this body is not started so often."
    S112 "an unknown type"
    "The type of a declaration is one of the types that the table of calls uses: `PyThreadState *`, \
     `PyInterpreterState *`, `PyGILState_STATE`, `PyStatus`, `PyMutex`, `Py_tss_t`, `int`, ..."
    S113 "an unknown stage"
    "`fail stage NAME` names a stage in which an interpreter is made. Releases differ in their stages; those of the first \
     release that lacks this one are listed."

    S201 "the wrong number of arguments"
    "The call is not given as many arguments as its C function takes."
    S202 "an argument of the wrong type"
    "The argument has another C type than the parameter. Numbers, states, interpreters and functions do not convert \
     into each other; `NULL` and `void *` go with every pointer."
    S203 "a declared type that does not fit"
    "The type written in a declaration is not what the call returns, or a name is bound to values of two types."
    S204 "a call that a release does not have"
    "The `python` line names a release in which this function does not exist, so the scenario could not be compiled \
     there. Leave that release out, or write a second file for it."
    S205 "a result that does not exist"
    "The function returns `void`: there is nothing to bind, to claim or to pass on."
    S206 "a callback that does not fit"
    "A callback has the parameters of the C function type that it is used as, or none."

    S301 "a start that may run without bound"
    "A thread is started inside `repeat until`, by itself, or in a circle of bodies that start each other, so the \
     number of threads has no bound. Use `repeat N`."
    S302 "too many threads"
    "A scenario may have 16 OS threads in all, `main` included, counting each start. Interleavings grow so fast with \
     threads that almost every defect known shows with three."
    S303 "a number out of range"
    "Counts start from 1 and have limits: a bound of 0 explores nothing, `repeat 0` does nothing, and a count past the \
     limit could not be explored."
    S304 "a thread that nothing starts"
    "The body is declared, but no statement starts it, so it never runs."
    S305 "a name that nothing uses"
    "The primitive, object or callback is declared, but no statement and no claim mentions it."
    S306 "a statement out of place"
    "`return M` with a value stands in callbacks only."
    S307 "an item that may stand only once"
    "`capi`, `scenario`, `python`, `faults` and `bound` stand at most once in a file, and each bound once."
    S308 "the scenario is too long"
    "A scenario may have 65,535 statements, and 255 bodies."

    S401 "a call that is not modelled yet"
    "The call is part of the language and its row stands in the table of calls, but the runtime does not implement it \
     yet. `tstate lint` and `tstate fmt` accept the file, `tstate check` refuses it rather than guess."
    S402 "a statement that is not modelled yet"
    "The statement is part of the language, but the runtime does not implement it yet."
    S403 "a profile that is not modelled yet"
    "The release or build is known, but the runtime does not implement it yet."
    S404 "what cannot be exported as C"
    "The run executes this statement, and `tstate export-c` has no C text for it: a C program cannot see or do it, or no text \
     was written yet. Check and replay the scenario instead, or choose a run that does not need it."

    V101 "an outcome that no claim allows"
    "Some interleaving ends in this outcome, and the `allow` lines that bind this profile do not list it (without an \
     `allow` line only `ok` is allowed). Read the counterexample from top to bottom: it is the shortest run that ends so. \
     Change the protocol, or, if the outcome is what CPython does there and you accept it, add it to `allow`."
    V102 "an outcome that a claim forbids"
    "A `never` line refuses this outcome, even if another line allows it, and some interleaving ends in it."
    V103 "an outcome that is never reached"
    "A `reach` line says that some interleaving ends so, and none does. Either the defect that it records is gone under \
     this profile (then drop the line, or restrict it: `for python < 3.14`), or the scenario no longer leads there."
    V104 "a state in which an `always` claim is false"
    "The condition of an `always` line must hold in every state, between any two steps of any threads. The \
     counterexample ends in the first state where it does not. States lie inside calls too: `attached(T)` holds from the \
     end of an attach to the start of the detach."
    V105 "an end at which a `finally` claim is false"
    "The condition of a `finally` line must hold whenever the process has ended. It is not judged after a deadlock, a \
     fatal error or a crash. The counterexample shows the shortest run whose end breaks it."
    V106 "a `cover` claim that no state fulfils"
    "A `cover` line guards against passing for nothing: some state must fulfil its condition, and none does. Mostly the \
     threads never meet as meant: a `start` comes too late, or a call takes a way that does not wait."
    V107 "a fair run on which an `eventually` claim stays false"
    "On some run that ends, or that goes on for ever under a fair schedule, the condition of an `eventually` line never \
     becomes true."
    V108 "a result or an `assert` that does not hold"
    "A statement says what a call returns (`Call(...) == 0`) or what holds there (`assert COND`), and in some \
     interleaving it is not so. A name that is read before this interleaving has bound it counts the same."
    V109 "a claim that the search left open"
    "A bound cut the search short, so it is not known whether the claim holds: `reach` and `cover` may still be \
     fulfilled in a state that was not visited. Raise the bound, or make the scenario smaller."

    V200 "ok"
    "The process ended, and none of the worse outcomes happened. Threads that were still running or waiting when `main` \
     returned were cut off, as the operating system does."
    V201 "hang"
    "Finalization has barred the thread for good: it came to attach a thread state after `Py_FinalizeEx()` had passed \
     the point from which only the finalizing thread may run Python, and from 3.14 on (3.13.8 in the 3.13 series) \
     CPython parks such a thread for ever instead of ending it. What it holds, a C mutex above all, stays held. \
     The process still ended. Let the thread finish before finalization, or let it hold nothing across an attach."
    V202 "exit"
    "Finalization ended the thread: before CPython parked such threads, one that came to attach after \
     `Py_FinalizeEx()` had passed its point was ended with `pthread_exit()`, which unwinds its C++ frames and leaves \
     its C locks held. From 3.14 on the same place is a `hang`."
    V203 "leak"
    "The runtime was finalized, but thread states or interpreters are left that no thread refers to. Every \
     `PyThreadState_New()` needs `PyThreadState_Clear()` and `PyThreadState_Delete()` (or `DeleteCurrent()`), every \
     `Py_NewInterpreter()` a `Py_EndInterpreter()`, each `PyGILState_Ensure()` its `PyGILState_Release()`."
    V204 "deadlock"
    "The threads named wait for each other in a cycle, or everything that has not ended is blocked, and no time-out \
     changes that. The usual cycle has the GIL in it: one thread holds the GIL and waits for a native lock, the other \
     holds the lock and waits for the GIL. Detach (`Py_BEGIN_ALLOW_THREADS`) around a native wait, and never attach \
     with a native lock held. A thread that waits for what a barred thread holds is in a deadlock too."
    V205 "livelock"
    "The threads named can go on for ever without getting anywhere, although the schedule is fair: every thread that \
     can move gets its turn. A native busy wait (`spin until`) with the GIL held is the usual cause."
    V206 "lost"
    "A pending call that `Py_AddPendingCall()` accepted, or the Python handler of a signal that arrived, never ran in \
     this process. Pending calls run at checks of the eval breaker; after finalization has emptied the queue for the \
     last time nothing runs them. Queue before finalization, or do not rely on the call."
    V207 "repeated"
    "A callback that was accepted once ran twice. CPython promises at most one run of each accepted pending call."
    V208 "assertion"
    "A claim about a state, a result or an end was false: an `assert`, a result claim, an `always` or a `finally` line. \
     The run ends there, and the counterexample says which claim it was."
    V209 "fatal"
    "CPython ended the process itself, through `Py_FatalError()` or a status error: its text is in the outcome. It \
     means a precondition was broken in a way that CPython checks, such as attaching a thread state to a thread that \
     has another one attached."
    V210 "crash"
    "Something happened that C leaves undefined. A real libpython may crash there, corrupt memory, or seem to survive. \
     The word in brackets says what: `use_after_free`, `no_thread_state`, `wrong_interpreter`, `two_holders`."
    V211 "crash(use_after_free)"
    "A call read through a pointer to a thread state or an interpreter that had been freed. After \
     `PyThreadState_Delete()`, `Py_EndInterpreter()` or `Py_FinalizeEx()` a handle may be compared, never used; \
     finalization deletes the thread states of all other threads."
    V212 "crash(no_thread_state)"
    "A call that needs an attached thread state ran on a thread that has none. Attach first: `PyGILState_Ensure()`, \
     `PyEval_RestoreThread()` or `PyThreadState_Swap()`; and do not call Python between `Py_BEGIN_ALLOW_THREADS` and its end."
    V213 "crash(wrong_interpreter)"
    "A call was given an object or a state of another interpreter than the one attached. On a thread that has no state \
     yet `PyGILState_Ensure()` attaches one of the main interpreter; to work in a sub-interpreter, make a state with \
     `PyThreadState_New(interp)` and attach that."
    V214 "crash(two_holders)"
    "Two threads ran Python code of one interpreter at once, without the GIL between them. Up to 3.11 \
     `PyThreadState_Swap()` attaches a state without taking the GIL."
    V215 "child"
    "The outcome of the forked process. In the child only the thread that called `fork()` goes on; locks that other \
     threads held stay held. `PyOS_BeforeFork()` and `PyOS_AfterFork_Child()` put right what Python owns, not what C owns."
    V216 "inconclusive"
    "A bound was reached before every interleaving was explored: on states (`--max-states`, `bound { states N }`), \
     preemptions, time-outs, steps or memory. What was explored met the claims, and the rest is unknown, so this is \
     never counted as a pass (`--allow-incomplete` changes the exit status only)."

    T001 "a mistake in tstate.toml"
    "The settings file is TOML with one table, `[check]`, whose keys are `paths`, `python`, `max-states`, \
     `preemptions`, `timeouts`, `jobs` and `allow-incomplete`. A flag goes before a variable of the environment \
     (`TSTATE_MAX_STATES`), that before the file, and the file before the default."
}
