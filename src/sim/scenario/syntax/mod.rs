//! The syntax tree of a scenario, as written: comments and blank lines are kept, so that the printer can put them back.
//!
//! Two trees are equal when they say the same, wherever they stand: [`At`] never takes part in a comparison.

mod claim;
mod expression;
mod statement;

pub use claim::{
    Claim, ClaimBlock, ClaimKind, Outcome, OutcomeArgument, Restriction, RestrictionKind,
};
pub use expression::{BinaryOperator, Expression, ExpressionKind, Field, UnaryOperator};
pub use statement::{
    Block, Branch, Else, ForkBlock, If, Limit, ResultClaim, ResultClaimKind, Statement,
    StatementKind, Step, ThreadName, Verb,
};

use crate::sim::diagnostic::Span;

/// A place in the source. All places compare equal, so that trees compare by what they say.
#[derive(Clone, Copy, Debug, Default)]
pub struct At(pub Span);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for At {}

/// How a comment was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommentKind {
    /// `// …`
    Line,
    /// `/// …`: documentation when it stands before an item.
    Doc,
    /// `/* … */`
    Block,
}

/// A comment with its markers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// How it was written.
    pub kind: CommentKind,
    /// The text with its markers, without white space at its end.
    pub text: Box<str>,
    /// Whether an empty line stands before it.
    pub blank_before: bool,
    /// Where it stands.
    pub at: At,
}

/// What stands around an item, a statement or a claim and means nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trivia {
    /// Comments on the lines before.
    pub leading: Vec<Comment>,
    /// Whether an empty line stands before the item itself (after its leading comments).
    pub blank_before: bool,
    /// Comments behind it on its last line.
    pub trailing: Vec<Comment>,
}

impl Trivia {
    /// The documentation: the `///` comments before, one line each.
    #[must_use]
    pub fn documentation(&self) -> String {
        let lines = self
            .leading
            .iter()
            .filter(|comment| comment.kind == CommentKind::Doc)
            .map(|comment| comment.text.trim_start_matches('/').trim());
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// A name as in C, or a word of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub text: Box<str>,
    /// Where it stands.
    pub at: At,
}

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// The items in order.
    pub items: Vec<Item>,
    /// Comments behind the last item.
    pub closing: Vec<Comment>,
    /// Where the file ends.
    pub end: At,
}

/// One item of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Comments around it.
    pub trivia: Trivia,
    /// Where its first line stands.
    pub at: At,
    /// What it is.
    pub kind: ItemKind,
}

/// The kinds of items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// `capi 1`
    Language(Number),
    /// `scenario "…"`
    Scenario(Text),
    /// `python 3.9 .. 3.12, 3.14t`
    Python(Vec<ProfileRange>),
    /// `faults keep_bit, drop_bit`
    Faults(Vec<Name>),
    /// `bound { … }`
    Bound(BoundBlock),
    /// `native mutex m` and its kin.
    Native {
        /// `mutex`, `semaphore` or `flag`.
        kind: NativeKind,
        /// Its name.
        name: Name,
        /// `= 0`
        initial: Option<Expression>,
    },
    /// `object o cyclic finalizer f`
    Object {
        /// Its name.
        name: Name,
        /// Whether only a collection frees it.
        cyclic: bool,
        /// The callback that runs when it is freed.
        finalizer: Option<Name>,
    },
    /// `PyMutex pm = {0}`
    Declare(Declaration),
    /// A thread or a callback.
    Body(Box<Body>),
    /// `expect { … }`
    Expect(ClaimBlock),
}

/// The primitives of native code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeKind {
    /// A pthread mutex.
    Mutex,
    /// A counting semaphore.
    Semaphore,
    /// A shared boolean.
    Flag,
}

/// A number as written and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// As written, with `_` and base.
    pub text: Box<str>,
    /// Its value.
    pub value: i64,
    /// Where it stands.
    pub at: At,
}

/// A string as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// As written, with quotation marks and escapes.
    pub raw: Box<str>,
    /// What it says.
    pub value: Box<str>,
    /// Where it stands.
    pub at: At,
}

/// `3.14` or `3.9 .. 3.12` in a `python` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRange {
    /// The profile, or the first of the range.
    pub first: Name,
    /// The last of the range.
    pub last: Option<Name>,
}

/// `bound { preemptions 3; states 200_000 }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundBlock {
    /// Comments behind the opening brace.
    pub opening: Vec<Comment>,
    /// The entries.
    pub entries: Vec<BoundEntry>,
    /// Comments before the closing brace.
    pub closing: Vec<Comment>,
}

/// One entry of a `bound` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundEntry {
    /// Comments around it.
    pub trivia: Trivia,
    /// What is bounded.
    pub name: Name,
    /// The bound.
    pub value: Number,
}

/// A C declaration: `PyThreadState *ts = …`, `PyMutex pm = {0}`, `PyStatus st`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The words of the type, without `*`: `PyThreadState`, `unsigned long`.
    pub type_name: Name,
    /// The number of `*`.
    pub pointers: u8,
    /// The declared name.
    pub name: Name,
    /// Its first value.
    pub value: Option<Step>,
}

/// A thread or a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Which kind.
    pub kind: BodyKind,
    /// Its name.
    pub name: Name,
    /// The parameters of a callback, with the C type if one was written.
    pub parameters: Option<Vec<Parameter>>,
    /// `returns N`
    pub returns: Option<Number>,
    /// What it does.
    pub block: Block,
}

/// A parameter of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The words of its type, if written.
    pub type_name: Option<Name>,
    /// The number of `*`.
    pub pointers: u8,
    /// Its name.
    pub name: Name,
}

/// The kinds of bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyKind {
    /// `thread main`
    Main,
    /// `foreign thread`: made by native code.
    Foreign,
    /// `python thread`: made by `threading`.
    Python,
    /// `daemon thread`: made by `threading`, daemon.
    Daemon,
    /// `callback`
    Callback,
}
