//! From the syntax tree to the resolved program: names, types, counts, claims.
//!
//! The passes run in order, and a later one runs only over what an earlier one understood: declare the items, count
//! the threads, find the names that each body binds, resolve the statements, resolve the claims.

mod bind;
mod call;
mod claim;
mod count;
mod declare;
mod expression;
mod header;
mod lookup;
mod restrict;
mod statement;
mod step;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use super::calls::Type;
use super::names;
use super::program::{
    BodyId, FaultId, FlagId, MutexId, ObjectId, Program, PyMutexId, SemaphoreId, StructureId,
    TssKeyId, Variable, VariableId,
};
use super::syntax;
use crate::runtime::profile::Profile;
use crate::sim::diagnostic::{Code, Diagnostic, Severity, Span};

/// Resolves a scenario.
///
/// # Errors
///
/// Every mistake of the scenario, in the order of the file. Warnings are in [`Program::warnings`].
pub fn check(file: &syntax::File) -> Result<Program, Vec<Diagnostic>> {
    let mut checker = Checker::default();
    checker.headers(file);
    checker.bodies(file);
    checker.claims(file);
    checker.warn_of_unused();
    checker.finish()
}

/// Resolves a scenario for one profile, whatever its `python` line names, and without its claims.
///
/// # Errors
///
/// Every mistake of the scenario but for those in its claims, in the order of the file. A call that the release does not
/// have is one.
pub fn check_under(file: &syntax::File, profile: Profile) -> Result<Program, Vec<Diagnostic>> {
    let mut checker = Checker::default();
    checker.headers(file);
    checker.program.profiles = vec![profile];
    checker.program.profiles_span = None;
    checker.bodies(file);
    checker.finish()
}

/// What a name of the file stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    Body(BodyId),
    Flag(FlagId),
    Mutex(MutexId),
    Semaphore(SemaphoreId),
    Object(ObjectId),
    PyMutex(PyMutexId),
    TssKey(TssKeyId),
    Structure(StructureId),
}

impl Symbol {
    fn describe(self) -> &'static str {
        match self {
            Self::Body(_) => "a thread or a callback",
            Self::Flag(_) => "a native flag",
            Self::Mutex(_) => "a native mutex",
            Self::Semaphore(_) => "a native semaphore",
            Self::Object(_) => "an object",
            Self::PyMutex(_) => "a `PyMutex`",
            Self::TssKey(_) => "a TSS key",
            Self::Structure(_) => "a structure",
        }
    }
}

/// What a name that a body declares or binds stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Local {
    Variable(VariableId),
    PyMutex(PyMutexId),
    TssKey(TssKeyId),
    Structure(StructureId),
}

/// A body while it is checked.
#[derive(Debug)]
struct Scope<'file> {
    syntax: &'file syntax::Body,
    documentation: String,
    locals: BTreeMap<&'file str, Local>,
    variables: Vec<Variable>,
    instances: u8,
}

#[derive(Debug, Default)]
struct Checker<'file> {
    program: Program,
    diagnostics: Vec<Diagnostic>,
    symbols: BTreeMap<&'file str, (Symbol, Span)>,
    scopes: Vec<Scope<'file>>,
    faults: BTreeMap<&'file str, FaultId>,
    used: BTreeSet<&'file str>,
    /// Where each pair of starting and started body has its first instance.
    starts: BTreeMap<(BodyId, BodyId), u8>,
    /// The body whose statements are resolved; `None` in claims.
    here: Option<BodyId>,
    /// The hidden locals of the `Py_BEGIN_ALLOW_THREADS` around the statement, outermost first.
    slots: Vec<VariableId>,
}

impl<'file> Checker<'file> {
    /// Everything between the headers and the claims.
    fn bodies(&mut self, file: &'file syntax::File) {
        self.declare(file);
        self.count_threads();
        self.bind_all();
        self.resolve_bodies();
    }

    /// The program, or every mistake in the order of the file.
    fn finish(self) -> Result<Program, Vec<Diagnostic>> {
        let mut diagnostics = self.diagnostics;
        diagnostics.sort_by_key(|diagnostic| diagnostic.primary.span);
        let failed = diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error);
        if failed {
            // What an erroneous line would have used seems unused.
            diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
            return Err(diagnostics);
        }
        Ok(Program {
            warnings: diagnostics,
            ..self.program
        })
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn error(&mut self, code: Code, message: impl Into<String>, span: Span) {
        self.push(Diagnostic::error(code, message, span, ""));
    }

    fn scope(&self, body: BodyId) -> &Scope<'file> {
        &self.scopes[body.index()]
    }

    fn body_ids(&self) -> impl Iterator<Item = BodyId> + use<> {
        let bodies = u8::try_from(self.scopes.len()).unwrap_or(u8::MAX);
        (0..bodies).map(BodyId)
    }

    /// A file has so few of each kind that the numbers suffice; the declaring pass has refused others.
    fn next(length: usize) -> u16 {
        u16::try_from(length).unwrap_or(u16::MAX)
    }

    /// Reports an unknown name, with the most similar one of `candidates`.
    fn unknown<'name>(
        &mut self,
        code: Code,
        message: String,
        name: &str,
        span: Span,
        candidates: impl Iterator<Item = &'name str>,
    ) {
        let mut diagnostic = Diagnostic::error(code, message, span, "");
        if let Some(similar) = names::similar(name, candidates) {
            if let Some((_, place)) = self.symbols.get(similar) {
                diagnostic = diagnostic.label(*place, format!("`{similar}` is declared here"));
            }
            let advice = format!("did you mean `{similar}`?");
            diagnostic = diagnostic.patch(advice, span, similar);
        }
        self.push(diagnostic);
    }

    fn variable(&mut self, body: BodyId, name: &str, span: Span, kind: Type) -> VariableId {
        let variables = &mut self.scopes[body.index()].variables;
        let id = VariableId(Self::next(variables.len()));
        variables.push(Variable {
            name: name.into(),
            span,
            kind,
        });
        id
    }
}
