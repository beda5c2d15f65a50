//! Claims as written.

use super::{
    At, BinaryOperator, Comment, Expression, Name, ProfileRange, Text, ThreadName, Trivia,
};

/// Claims between braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimBlock {
    /// Comments behind the opening brace.
    pub opening: Vec<Comment>,
    /// The claims.
    pub claims: Vec<Claim>,
    /// Comments before the closing brace.
    pub closing: Vec<Comment>,
}

/// One claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Comments around it.
    pub trivia: Trivia,
    /// Where it stands.
    pub at: At,
    /// What it claims.
    pub kind: ClaimKind,
    /// Where it binds.
    pub restriction: Option<Restriction>,
}

/// The kinds of claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// `allow OUTCOME, …`
    Allow(Vec<Outcome>),
    /// `reach OUTCOME, …`
    Reach(Vec<Outcome>),
    /// `never OUTCOME, …`
    Never(Vec<Outcome>),
    /// `always COND`
    Always(Expression),
    /// `finally COND`
    Finally(Expression),
    /// `cover COND`
    Cover(Expression),
    /// `eventually COND`
    Eventually(Expression),
    /// `in child { … }`
    InChild(ClaimBlock),
}

/// An outcome in a claim: `deadlock(main, worker)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The word.
    pub name: Name,
    /// What stands in the parentheses.
    pub arguments: Vec<OutcomeArgument>,
    /// Where it stands.
    pub at: At,
}

/// What stands in the parentheses of an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutcomeArgument {
    /// A thread, a callback or a kind of crash.
    Name(ThreadName),
    /// A text.
    Text(Text),
    /// The outcome of a child.
    Outcome(Box<Outcome>),
}

/// What follows `for`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// What it is.
    pub kind: RestrictionKind,
    /// Where it stands.
    pub at: At,
}

/// The kinds of restrictions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestrictionKind {
    /// `python >= 3.14`
    Python(BinaryOperator, Name),
    /// `python in 3.9 .. 3.11`
    PythonIn(Vec<ProfileRange>),
    /// `3.14t`, `free_threaded`, `sound`, or a fault.
    Word(Name),
    /// `( … )`
    Group(Box<Restriction>),
    /// `!a`
    Not(Box<Restriction>),
    /// `a && b`
    And(Box<Restriction>, Box<Restriction>),
    /// `a || b`
    Or(Box<Restriction>, Box<Restriction>),
}
