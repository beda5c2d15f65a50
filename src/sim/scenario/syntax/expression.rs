//! Expressions as written.

use super::{At, Name, Number, Text, ThreadName};

/// An expression: an argument, a value or a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Where it stands.
    pub at: At,
}

/// The kinds of expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpressionKind {
    /// `200_000`
    Number(Number),
    /// `"text"`
    Text(Text),
    /// `ts`, `NULL`, `current`
    Name(Name),
    /// `worker[1]`
    Indexed(ThreadName),
    /// `worker.g`, `worker[1].g`
    Member {
        /// The body.
        thread: ThreadName,
        /// The name that it binds.
        field: Name,
    },
    /// `ts->interp`
    Arrow {
        /// The pointer.
        base: Box<Expression>,
        /// The field.
        field: Name,
    },
    /// `PyThreadState_New(interp)`, `sys._current_frames()`, `attached(worker)`
    Call {
        /// The function; dotted for Python's.
        function: Name,
        /// What it is given.
        arguments: Vec<Expression>,
    },
    /// `&x`
    Address(Name),
    /// `{ .gil = OWN_GIL }`, `{0}`
    Structure(Vec<Field>),
    /// `( … )`
    Group(Box<Expression>),
    /// `!a`, `-a`, `+a`
    Unary(UnaryOperator, Box<Expression>),
    /// `a && b`
    Binary(BinaryOperator, Box<Expression>, Box<Expression>),
}

/// One field of a structure written in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `.gil`; absent in `{0}`.
    pub name: Option<Name>,
    /// Its value.
    pub value: Expression,
}

/// The operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOperator {
    /// `!`
    Not,
    /// `-`
    Negate,
    /// `+`
    Plus,
}

/// The operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `||`
    Or,
    /// `&&`
    And,
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
    /// `+`
    Add,
    /// `-`
    Subtract,
}
