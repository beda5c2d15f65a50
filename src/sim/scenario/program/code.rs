//! Statements and expressions of a resolved program.

use super::{
    BodyId, FlagId, MutexId, ObjectId, PyMutexId, Restriction, SemaphoreId, StatementId,
    StructureId, TextId, TssKeyId, VariableId,
};
use crate::runtime::Stage;
use crate::sim::diagnostic::Span;
use crate::sim::scenario::calls::CallRef;

/// Statements in order.
pub type Block = Box<[Statement]>;

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its number.
    pub id: StatementId,
    /// What it does.
    pub kind: StatementKind,
}

/// The kinds of statements.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// A step; its result is bound, claimed, both or dropped.
    Step {
        /// The step.
        step: Step,
        /// Where its result goes.
        bind: Option<VariableId>,
        /// What its result must be; else the outcome `assertion`.
        claim: Option<ResultClaim>,
    },
    /// `Py_BEGIN_ALLOW_THREADS`: `slot = PyEval_SaveThread()`, the block, `PyEval_RestoreThread(slot)`.
    AllowThreads {
        /// The hidden local of the macro.
        slot: VariableId,
        /// What runs between.
        block: Block,
    },
    /// `Py_BLOCK_THREADS`: `PyEval_RestoreThread(slot)`.
    BlockThreads {
        /// The hidden local of the macro around it.
        slot: VariableId,
    },
    /// `Py_UNBLOCK_THREADS`: `slot = PyEval_SaveThread()`.
    UnblockThreads {
        /// The hidden local of the macro around it.
        slot: VariableId,
    },
    /// `Py_BEGIN_CRITICAL_SECTION(o)` and its kin, up to the matching end.
    CriticalSection {
        /// The opening macro.
        begin: CallExpr,
        /// What runs between.
        block: Block,
    },
    /// `lock m`
    Lock(MutexId),
    /// `unlock m`
    Unlock(MutexId),
    /// `post s`
    Post(SemaphoreId),
    /// `wait s`
    Wait(SemaphoreId),
    /// `set f`
    Set(FlagId),
    /// `clear f`
    Clear(FlagId),
    /// `join T`: waits natively for each thread that the name stands for.
    Join(ThreadRef),
    /// `spin until COND`
    SpinUntil(Expression),
    /// `sleep`
    Sleep,
    /// `new o`
    New(ObjectId),
    /// `touch x`
    Touch(Expression),
    /// `drop x`
    Drop(Expression),
    /// `collect`
    Collect,
    /// `import NAME [Py_MOD_GIL_…]`
    Import {
        /// The module.
        module: TextId,
        /// `Some(used)` for an extension: whether it declares `Py_MOD_GIL_USED`.
        gil_used: Option<bool>,
    },
    /// `signal [f]`
    Signal(Option<BodyId>),
    /// `fork { … }`
    Fork {
        /// What the child does.
        child: Block,
        /// What the parent does.
        parent: Block,
    },
    /// `repeat N { … }`, `repeat until COND { … }`
    Repeat {
        /// How often.
        limit: Limit,
        /// What.
        block: Block,
    },
    /// `if COND { … } else { … }`
    If {
        /// The condition.
        condition: Expression,
        /// What to do if it holds.
        then: Block,
        /// What to do otherwise.
        otherwise: Block,
    },
    /// `choose { … }`: any of these.
    Choose(Box<[Block]>),
    /// `fail thread_start`
    FailThreadStart,
    /// `fail alloc`
    FailAlloc,
    /// `fail stage NAME`
    FailStage(Stage),
    /// `assert COND [for …]`
    Assert {
        /// What must hold.
        condition: Expression,
        /// Where it must.
        restriction: Option<Restriction>,
    },
    /// `return [M]`; `None` in a thread, and in a callback its default.
    Return(Option<Expression>),
    /// `exit [N]`: the process ends at once.
    Exit(Expression),
    /// `Py_NoSiteFlag = 1`: a global flag of the C API, by its row.
    SetGlobal {
        /// The flag.
        global: CallRef,
        /// Its value.
        value: Expression,
    },
}

/// A step that has a result.
#[derive(Clone, Debug)]
pub enum Step {
    /// A call of the table.
    Call(CallExpr),
    /// A value: `x = NULL`, `i = ts->interp`.
    Value(Expression),
    /// `start T [* N]`: 0, or -1 if Python refuses one of them.
    ///
    /// The instance is `first` plus the number of threads of that body that this *body* has started so far.
    Start {
        /// What to run.
        body: BodyId,
        /// How many.
        count: u8,
        /// The first instance that belongs to the body which this statement stands in.
        first: u8,
    },
    /// `eval`: 0, or -1 if an exception ended it.
    Eval(Limit),
    /// `T.join()`: 0, or -1 if it raises.
    PythonJoin(ThreadRef),
    /// `os.fork { … }`: 0, or -1 and neither block runs.
    OsFork {
        /// What the child does.
        child: Block,
        /// What the parent does.
        parent: Block,
    },
}

/// How often something is repeated.
#[derive(Clone, Debug)]
pub enum Limit {
    /// This many times.
    Times(u32),
    /// Until this holds; it is read before each round.
    Until(Expression),
}

/// A thread by name: one instance, or every instance of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadRef {
    /// The body.
    pub body: BodyId,
    /// Which start of it; `None` is all of them.
    pub instance: Option<u8>,
}

/// A call with resolved arguments.
#[derive(Clone, Debug)]
pub struct CallExpr {
    /// The row of the table; `call.row().modelled` is what the runtime implements.
    pub call: CallRef,
    /// What it is given, evaluated from left to right.
    pub arguments: Box<[Argument]>,
    /// Where it stands.
    pub span: Span,
}

/// An argument of a call.
#[derive(Clone, Debug)]
pub enum Argument {
    /// A value.
    Value(Expression),
    /// The result of another call.
    Call(CallExpr),
    /// `&x`: the call binds `x` to what it stores there.
    Bind(VariableId),
}

/// A name that a body binds, read from this or another body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VariableRef {
    /// The body.
    pub body: BodyId,
    /// Which start of it; of a callback, the newest activation.
    pub instance: u8,
    /// The name.
    pub variable: VariableId,
}

/// A value that can be computed without a step of its own. Booleans are 0 and 1.
#[derive(Clone, Debug)]
pub enum Expression {
    /// A number, or a constant with its C value.
    Number(i64),
    /// `NULL`
    Null,
    /// A string.
    Text(TextId),
    /// A name of the body that reads it; not bound yet is the outcome `assertion`.
    Variable(VariableId),
    /// A name of another body, likewise.
    Foreign(VariableRef),
    /// A callback as a function pointer.
    Callback(BodyId),
    /// Whether a flag is set.
    Flag(FlagId),
    /// The address of a native mutex, in `held(m)`.
    Mutex(MutexId),
    /// A Python object.
    Object(ObjectId),
    /// The address of a `PyMutex`: entry `first`, plus the instance of the reading thread's body if `local`.
    PyMutex {
        /// The entry, or the first of a body's.
        first: PyMutexId,
        /// Declared in the body that reads it.
        local: bool,
    },
    /// The address of a TSS key, likewise.
    TssKey {
        /// The entry, or the first of a body's.
        first: TssKeyId,
        /// Declared in the body that reads it.
        local: bool,
    },
    /// The address of a structure.
    Structure(StructureId),
    /// A global flag of the C API, by its row.
    Global(CallRef),
    /// `ts->interp`
    InterpreterOf(Box<Expression>),
    /// A state function.
    State(StateFunction),
    /// `!a`
    Not(Box<Expression>),
    /// `-a`
    Negate(Box<Expression>),
    /// `a OP b`
    Binary(Operator, Box<Expression>, Box<Expression>),
}

/// The state functions of conditions. Of a thread name with several instances, the number for which it holds.
#[derive(Clone, Debug)]
pub enum StateFunction {
    /// `attached(T)`, `attached(T, interp)`
    Attached(ThreadRef, Option<Box<Expression>>),
    /// `waits_for_gil(T)`
    WaitsForGil(ThreadRef),
    /// `holds_gil(T)`
    HoldsGil(ThreadRef),
    /// `parked(T)`
    Parked(ThreadRef),
    /// `ended(T)`
    Ended(ThreadRef),
    /// `gil_holder`: the thread state that holds the main interpreter's GIL, or null.
    GilHolder,
    /// `current`: the thread state that the reading thread attached, or null.
    Current,
    /// `initialized`
    Initialized,
    /// `finalizing`
    Finalizing,
    /// `interpreters`: how many.
    Interpreters,
    /// `thread_states`, `thread_states(interp)`: how many.
    ThreadStates(Option<Box<Expression>>),
    /// `pending`, `pending(interp)`: how many calls are queued.
    Pending(Option<Box<Expression>>),
    /// `runs(f)`: how often a callback was entered.
    Runs(BodyId),
    /// `interp_of(x)`: the interpreter of a thread state or an object.
    InterpreterOf(Box<Expression>),
    /// `main_interp`
    MainInterpreter,
    /// `world_stopped`
    WorldStopped,
    /// `held(m)`: whether a native mutex or a `PyMutex` is locked.
    Held(Box<Expression>),
    /// `in_child`
    InChild,
}

/// The operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `||`; the right side is not read if the left one holds.
    Or,
    /// `&&`; the right side is not read if the left one does not hold.
    And,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// A comparison. Handles compare by identity, `NULL` equals 0.
    Compare(Comparison),
}

/// The comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

impl Comparison {
    /// Whether the comparison holds of an ordering.
    #[must_use]
    pub fn admits(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterEqual => ordering.is_ge(),
        }
    }
}

/// A claim on a result; broken it is the outcome `assertion`.
#[derive(Clone, Debug)]
pub struct ResultClaim {
    /// What the result must be.
    pub kind: ResultClaimKind,
    /// Where it must.
    pub restriction: Option<Restriction>,
}

/// The forms of a claim on a result.
#[derive(Clone, Debug)]
pub enum ResultClaimKind {
    /// `== v` and the other comparisons.
    Compare(Comparison, Expression),
    /// `in { 0, -1 }`
    OneOf(Box<[Expression]>),
}
