//! Statements as written.

use super::{
    At, BinaryOperator, Comment, Declaration, Expression, Name, Number, Restriction, Trivia,
};

/// Statements between braces, or between two macros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Comments behind the opening brace.
    pub opening: Vec<Comment>,
    /// The statements.
    pub statements: Vec<Statement>,
    /// Comments before the closing brace.
    pub closing: Vec<Comment>,
    /// The opening brace or macro.
    pub open: At,
}

/// A block with comments of its own: `child { … }`, `either { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Comments around it.
    pub trivia: Trivia,
    /// The block.
    pub block: Block,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Comments around it.
    pub trivia: Trivia,
    /// Where it stands; of a statement with blocks, its first line.
    pub at: At,
    /// What it does.
    pub kind: StatementKind,
}

/// The kinds of statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// `PyThreadState *ts = …`
    Declare(Declaration),
    /// `x = …`
    Bind {
        /// The name.
        name: Name,
        /// Its value.
        value: Step,
    },
    /// A step with a result, and perhaps a claim on it.
    Step {
        /// The step.
        step: Step,
        /// `== v`, `in { … }`
        claim: Option<ResultClaim>,
    },
    /// `Py_BEGIN_ALLOW_THREADS` … `Py_END_ALLOW_THREADS`
    AllowThreads(Block),
    /// `Py_BLOCK_THREADS`
    BlockThreads,
    /// `Py_UNBLOCK_THREADS`
    UnblockThreads,
    /// `Py_BEGIN_CRITICAL_SECTION(o)` … `Py_END_CRITICAL_SECTION()` and its kin.
    CriticalSection {
        /// The opening macro.
        macro_name: Name,
        /// What is locked.
        arguments: Vec<Expression>,
        /// The statements between.
        block: Block,
    },
    /// `join T`
    Join(ThreadName),
    /// `lock m`, `set f`, `touch x` and their kin: a word and a name.
    Verb {
        /// The word.
        verb: Verb,
        /// What it is applied to.
        target: Name,
    },
    /// `spin until COND`
    SpinUntil(Expression),
    /// `sleep`
    Sleep,
    /// `collect`
    Collect,
    /// `import NAME [Py_MOD_GIL_USED]`
    Import {
        /// The module.
        module: Name,
        /// What an extension says about the GIL.
        gil: Option<Name>,
    },
    /// `signal [f]`
    Signal(Option<Name>),
    /// `fork { child { … } parent { … } }`
    Fork(ForkBlock),
    /// `repeat N { … }`, `repeat until COND { … }`
    Repeat {
        /// How often.
        limit: Limit,
        /// What.
        block: Block,
    },
    /// `if COND { … } else { … }`
    If(If),
    /// `choose { either { … } or { … } }`
    Choose {
        /// Comments behind the opening brace.
        opening: Vec<Comment>,
        /// The alternatives, the first one `either`.
        alternatives: Vec<Branch>,
        /// Comments before the closing brace.
        closing: Vec<Comment>,
    },
    /// `fail thread_start`, `fail alloc`, `fail stage NAME`
    Fail {
        /// Which step.
        what: Name,
        /// The stage.
        stage: Option<Name>,
    },
    /// `assert COND [for …]`
    Assert {
        /// What must hold.
        condition: Expression,
        /// Where it must.
        restriction: Option<Restriction>,
    },
    /// `return [M]`
    Return(Option<Expression>),
    /// `exit [N]`
    Exit(Option<Expression>),
}

/// The words that take one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `lock m`
    Lock,
    /// `unlock m`
    Unlock,
    /// `post s`
    Post,
    /// `wait s`
    Wait,
    /// `set f`
    Set,
    /// `clear f`
    Clear,
    /// `new o`
    New,
    /// `touch x`
    Touch,
    /// `drop x`
    Drop,
}

/// A step that has a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A call, or a value.
    Expression(Expression),
    /// `start T [* N]`
    Start {
        /// The thread.
        thread: Name,
        /// How many of it.
        count: Option<Number>,
        /// Where it stands.
        at: At,
    },
    /// `eval [N]`, `eval until COND`
    Eval {
        /// How long; `None` is once.
        limit: Option<Limit>,
        /// Where it stands.
        at: At,
    },
    /// `T.join()`
    PythonJoin {
        /// The thread.
        thread: ThreadName,
        /// Where it stands.
        at: At,
    },
    /// `os.fork { child { … } parent { … } }`
    OsFork {
        /// Its blocks.
        blocks: Box<ForkBlock>,
        /// Where it stands.
        at: At,
    },
}

/// How often something is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `N`
    Times(Number),
    /// `until COND`
    Until(Expression),
}

/// `worker` or `worker[1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadName {
    /// The body.
    pub name: Name,
    /// Which start of it.
    pub instance: Option<Number>,
}

/// The blocks of `fork`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkBlock {
    /// Comments behind the opening brace.
    pub opening: Vec<Comment>,
    /// What the child does; an absent block does nothing.
    pub child: Option<Branch>,
    /// What the parent does.
    pub parent: Option<Branch>,
    /// Comments before the closing brace.
    pub closing: Vec<Comment>,
}

/// `if COND { … } else …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct If {
    /// The condition.
    pub condition: Expression,
    /// What to do if it holds.
    pub then: Block,
    /// What to do otherwise.
    pub otherwise: Option<Box<Else>>,
}

/// What follows `else`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Else {
    /// `else { … }`
    Block(Block),
    /// `else if …`
    If(If),
}

/// A claim on a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultClaim {
    /// What the result must be.
    pub kind: ResultClaimKind,
    /// Where it must.
    pub restriction: Option<Restriction>,
    /// Where it stands.
    pub at: At,
}

/// The forms of a claim on a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResultClaimKind {
    /// `== v` and the other comparisons.
    Compare(BinaryOperator, Expression),
    /// `in { 0, -1 }`
    OneOf(Vec<Expression>),
}
