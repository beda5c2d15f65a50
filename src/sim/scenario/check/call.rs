//! Calls: does the function exist in every release asked for, and do the arguments fit.

use super::super::calls::{self, CallRef, Parameter, Row, Type};
use super::super::program::{
    Argument, BodyId, CallExpr, Declared, Expression, Structure, StructureId,
};
use super::super::syntax::{self, ExpressionKind, Name};
use super::{Checker, Local, Symbol};
use crate::runtime::profile::Profile;
use crate::sim::diagnostic::{Code, Diagnostic, Span};

impl<'file> Checker<'file> {
    /// A call and the type of its result.
    pub(super) fn call(
        &mut self,
        function: &'file Name,
        arguments: &'file [syntax::Expression],
        span: Span,
    ) -> Option<(CallExpr, Type)> {
        let Some(call) = calls::find(&function.text) else {
            self.unknown_call(function, arguments);
            return None;
        };
        self.require_releases(call, function);
        let arguments = self.arguments(call, function, arguments)?;
        let kind = call.row().result_for(arguments.len());
        let expression = CallExpr {
            call,
            arguments,
            span,
        };
        Some((expression, kind))
    }

    fn unknown_call(&mut self, function: &'file Name, arguments: &'file [syntax::Expression]) {
        let name = &*function.text;
        if calls::find_macro(name).is_some() {
            let message =
                format!("`{name}` opens or closes a block and stands in a line of its own");
            self.error(Code::S009, message, function.at.0);
        } else if matches!(self.symbols.get(name), Some((Symbol::Body(_), _))) {
            let message = format!("`{name}` is a body of this file, which no statement calls");
            let diagnostic = Diagnostic::error(Code::S107, message, function.at.0, "");
            self.push(diagnostic.help("threads are started by `start`, callbacks are registered"));
        } else {
            let message = format!("no call is named `{name}`");
            let known = calls::names();
            self.unknown(Code::S101, message, name, function.at.0, known);
        }
        // The names in the arguments are checked all the same.
        for argument in arguments {
            if let ExpressionKind::Call {
                function,
                arguments,
            } = &argument.kind
                && calls::find(&function.text).is_some()
            {
                let _resolved = self.call(function, arguments, argument.at.0);
            }
        }
    }

    /// Reports the profiles of the scenario whose release lacks the call.
    pub(super) fn require_releases(&mut self, call: CallRef, name: &Name) {
        let row = call.row();
        let lacking: Vec<Profile> = self
            .program
            .profiles
            .iter()
            .copied()
            .filter(|profile| !row.exists_in(*profile))
            .collect();
        let (Some(first), Some(last)) = (lacking.first(), lacking.last()) else {
            return;
        };
        let releases = if first == last {
            first.to_string()
        } else {
            format!("{first} to {last}")
        };
        let message = format!("`{}` does not exist in {releases}", name.text);
        let mut diagnostic = Diagnostic::error(Code::S204, message, name.at.0, "");
        if let Some(span) = self.program.profiles_span {
            diagnostic = diagnostic.label(span, "asked for here");
        }
        self.push(diagnostic.note(existence(row)));
    }

    pub(super) fn arguments(
        &mut self,
        call: CallRef,
        function: &Name,
        arguments: &'file [syntax::Expression],
    ) -> Option<Box<[Argument]>> {
        let row = call.row();
        let skipped = row.skipped(arguments.len());
        if arguments.len() + skipped != row.parameters.len() {
            self.wrong_count(row, function, arguments.len());
            return None;
        }
        let resolved: Vec<Option<Argument>> = arguments
            .iter()
            .zip(&row.parameters[skipped..])
            .map(|(argument, parameter)| self.argument(argument, *parameter))
            .collect();
        resolved.into_iter().collect()
    }

    fn wrong_count(&mut self, row: &Row, function: &Name, given: usize) {
        let wanted = row.parameters.len();
        let plural = if wanted == 1 { "" } else { "s" };
        let message = format!(
            "`{}` takes {wanted} argument{plural}, not {given}",
            function.text
        );
        let diagnostic = Diagnostic::error(Code::S201, message, function.at.0, "");
        self.push(diagnostic.note(format!("its form is `{}`", row.signature())));
    }

    fn argument(
        &mut self,
        argument: &'file syntax::Expression,
        parameter: Parameter,
    ) -> Option<Argument> {
        let span = argument.at.0;
        match (&argument.kind, parameter) {
            (
                ExpressionKind::Call {
                    function,
                    arguments,
                },
                _,
            ) if calls::find(&function.text).is_some() => {
                let (call, kind) = self.call(function, arguments, span)?;
                self.fits(kind, parameter, argument);
                Some(Argument::Call(call))
            }
            (ExpressionKind::Address(name), Parameter::Out(_)) => self.out(name),
            (ExpressionKind::Structure(fields), Parameter::In(kind)) if !kind.is_value() => {
                let fields = self.fields(fields, kind);
                let id = StructureId(Self::next(self.program.structures.len()));
                self.program.structures.push(Structure {
                    declared: Declared {
                        name: "".into(),
                        span,
                    },
                    kind,
                    fields,
                });
                Some(Argument::Value(Expression::Structure(id)))
            }
            _ => {
                let (value, kind) = self.value(argument)?;
                self.fits_value(&value, kind, parameter, argument);
                // In C a constant 0 is a null pointer.
                let null = matches!(value, Expression::Number(0)) && !wants_number(parameter);
                Some(Argument::Value(if null { Expression::Null } else { value }))
            }
        }
    }

    /// `&x` where the call stores a result.
    fn out(&mut self, name: &'file Name) -> Option<Argument> {
        let local = self
            .here
            .and_then(|body| self.scope(body).locals.get(&*name.text));
        match local {
            Some(Local::Variable(variable)) => Some(Argument::Bind(*variable)),
            Some(Local::PyMutex(_) | Local::TssKey(_) | Local::Structure(_)) | None => {
                let message = format!("no result can be stored at `&{}`", name.text);
                self.error(Code::S202, message, name.at.0);
                None
            }
        }
    }

    fn fits_value(
        &mut self,
        value: &Expression,
        kind: Type,
        parameter: Parameter,
        argument: &'file syntax::Expression,
    ) {
        let null = matches!(value, Expression::Null | Expression::Number(0));
        match (value, parameter) {
            (Expression::Callback(body), Parameter::Callback(count)) => {
                self.callback_fits(argument.at.0, *body, count);
            }
            _ if null
                && !wants_number(parameter)
                && !matches!(parameter, Parameter::In(Type::Status)) => {}
            // A name that is bound has a pointer already.
            (Expression::Variable(_) | Expression::Foreign(_), _) => {
                self.fits(kind, parameter, argument);
            }
            (_, Parameter::In(wanted)) if !wanted.is_value() && kind == wanted => {
                self.require_address(argument);
            }
            _ => self.fits(kind, parameter, argument),
        }
    }

    /// A C object is passed by its address.
    fn require_address(&mut self, argument: &syntax::Expression) {
        if let ExpressionKind::Name(name) = &argument.kind {
            let message = format!("`{}` is passed by its address", name.text);
            let diagnostic = Diagnostic::error(Code::S202, message, name.at.0, "");
            let written = format!("&{}", name.text);
            self.push(diagnostic.patch("take its address", name.at.0, written));
        }
    }

    fn fits(&mut self, kind: Type, parameter: Parameter, argument: &syntax::Expression) {
        let wanted = match parameter {
            Parameter::In(wanted) => wanted,
            Parameter::Out(wanted) => {
                let message = format!(
                    "the call stores a `{}` here: write `&name`",
                    wanted.c_name()
                );
                self.error(Code::S202, message, argument.at.0);
                return;
            }
            Parameter::Callback(_) => {
                if !matches!(kind, Type::Any | Type::Function) {
                    let message = format!("this is a `{}`, not a callback", kind.c_name());
                    self.error(Code::S202, message, argument.at.0);
                }
                return;
            }
        };
        if kind == Type::Void {
            let message = "this call returns nothing";
            self.error(Code::S205, message, argument.at.0);
        } else if !kind.fits(wanted) {
            let message = format!("this is a `{}`, not a `{}`", kind.c_name(), wanted.c_name());
            self.error(Code::S202, message, argument.at.0);
        }
    }

    /// Reports a callback whose parameters are not those of the C function type.
    pub(super) fn callback_fits(&mut self, span: Span, body: BodyId, wanted: u8) {
        let syntax = self.scope(body).syntax;
        let given = syntax.parameters.as_ref().map_or(0, Vec::len);
        if given == 0 || given == usize::from(wanted) {
            return;
        }
        let message = format!(
            "`{}` has {given} parameters, but is called with {wanted}",
            syntax.name.text
        );
        let diagnostic = Diagnostic::error(Code::S206, message, span, "");
        self.push(diagnostic.label(syntax.name.at.0, "declared here"));
    }
}

fn wants_number(parameter: Parameter) -> bool {
    matches!(parameter, Parameter::In(Type::Int | Type::GilState))
}

/// Where the call exists, as a note.
fn existence(row: &Row) -> String {
    match (row.since, row.until) {
        (since, crate::runtime::profile::MINOR_MAX) => {
            format!("`{}` exists from 3.{since} on", row.name)
        }
        (crate::runtime::profile::MINOR_MIN, until) => {
            format!("`{}` exists up to 3.{until}", row.name)
        }
        (since, until) => format!("`{}` exists from 3.{since} to 3.{until}", row.name),
    }
}
