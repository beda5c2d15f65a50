//! Values and conditions: what is computed without a step of its own.

use super::super::calls::Type;
use super::super::program::{Comparison, Expression, Operator, StateFunction, TextId, ThreadRef};
use super::super::syntax::{self, BinaryOperator, ExpressionKind, Name, ThreadName, UnaryOperator};
use super::lookup::Typed;
use super::value::fold;
use super::{Checker, Symbol};
use crate::sim::diagnostic::{Code, Diagnostic};

/// The state functions that take arguments.
const STATE_FUNCTIONS: [&str; 10] = [
    "attached",
    "waits_for_gil",
    "holds_gil",
    "parked",
    "ended",
    "thread_states",
    "pending",
    "runs",
    "interp_of",
    "held",
];

impl<'file> Checker<'file> {
    /// A condition.
    pub(super) fn condition(
        &mut self,
        expression: &'file syntax::Expression,
    ) -> Option<Expression> {
        self.value(expression).map(|(value, _)| value)
    }

    /// A value and its type.
    pub(super) fn value(&mut self, expression: &'file syntax::Expression) -> Option<Typed> {
        let span = expression.at.0;
        match &expression.kind {
            ExpressionKind::Number(number) => Some((Expression::Number(number.value), Type::Int)),
            ExpressionKind::Text(text) => {
                Some((Expression::Text(self.text_id(&text.value)), Type::Text))
            }
            ExpressionKind::Name(name) => self.name(name),
            ExpressionKind::Member { thread, field } => self.member(thread, field),
            ExpressionKind::Arrow { base, field } => self.arrow(base, field),
            ExpressionKind::Group(inner) => self.value(inner),
            ExpressionKind::Call {
                function,
                arguments,
            } => self.state_function(function, arguments, expression),
            ExpressionKind::Address(name) => self.address(name),
            ExpressionKind::Unary(operator, operand) => self.unary(*operator, operand),
            ExpressionKind::Binary(operator, left, right) => self.binary(*operator, left, right),
            ExpressionKind::Indexed(thread) => {
                let message = format!("`{}` is a thread, not a value", thread.name.text);
                let diagnostic = Diagnostic::error(Code::S107, message, span, "");
                self.push(diagnostic.help("`worker[1].g` is a name that it binds"));
                None
            }
            ExpressionKind::Structure(_) => {
                let message = "a structure stands in a declaration or in an argument";
                self.error(Code::S011, message, span);
                None
            }
        }
    }

    pub(super) fn text_id(&mut self, text: &str) -> TextId {
        let texts = &mut self.program.texts;
        let known = texts.iter().position(|known| **known == *text);
        let place = known.unwrap_or_else(|| {
            texts.push(text.into());
            texts.len() - 1
        });
        TextId(Self::next(place))
    }

    fn arrow(&mut self, base: &'file syntax::Expression, field: &Name) -> Option<Typed> {
        let (value, kind) = self.value(base)?;
        if !kind.fits(Type::ThreadState) {
            let message = format!("a `{}` has no fields", kind.c_name());
            self.error(Code::S108, message, base.at.0);
            return None;
        }
        if &*field.text != "interp" {
            let message = format!("a thread state has no public field `{}`", field.text);
            let diagnostic = Diagnostic::error(Code::S108, message, field.at.0, "");
            self.push(diagnostic.help("its only public field is `interp`"));
            return None;
        }
        let expression = Expression::InterpreterOf(Box::new(value));
        Some((expression, Type::Interpreter))
    }

    /// `&x` as a value: the address of what is declared.
    pub(super) fn address(&mut self, name: &'file Name) -> Option<Typed> {
        let (value, kind) = self.name(name)?;
        let addressable = matches!(
            value,
            Expression::PyMutex { .. } | Expression::TssKey { .. } | Expression::Structure(_)
        );
        // What is declared by value, as `PyStatus st`, is passed as it is.
        let is_object = matches!(value, Expression::Object(_) | Expression::Callback(_));
        if addressable || is_object {
            return Some((value, kind));
        }
        let message = format!("nothing stores a result at `&{}` here", name.text);
        self.error(Code::S202, message, name.at.0);
        None
    }

    fn unary(
        &mut self,
        operator: UnaryOperator,
        operand: &'file syntax::Expression,
    ) -> Option<Typed> {
        let (value, kind) = self.value(operand)?;
        let expression = match (operator, value) {
            (UnaryOperator::Not, Expression::Number(number)) => {
                Expression::Number(i64::from(number == 0))
            }
            (UnaryOperator::Negate, Expression::Number(number)) => {
                Expression::Number(number.wrapping_neg())
            }
            (UnaryOperator::Not, value) => Expression::Not(Box::new(value)),
            (UnaryOperator::Negate, value) => Expression::Negate(Box::new(value)),
            (UnaryOperator::Plus, value) => value,
        };
        if operator != UnaryOperator::Not {
            self.require_number(kind, operand);
        }
        Some((expression, Type::Int))
    }

    fn binary(
        &mut self,
        operator: BinaryOperator,
        left: &'file syntax::Expression,
        right: &'file syntax::Expression,
    ) -> Option<Typed> {
        let (a, b) = (self.value(left), self.value(right));
        let ((a, left_kind), (b, right_kind)) = (a?, b?);
        let resolved = match operator {
            BinaryOperator::Or => Operator::Or,
            BinaryOperator::And => Operator::And,
            BinaryOperator::Add => Operator::Add,
            BinaryOperator::Subtract => Operator::Subtract,
            BinaryOperator::Equal
            | BinaryOperator::NotEqual
            | BinaryOperator::Less
            | BinaryOperator::LessEqual
            | BinaryOperator::Greater
            | BinaryOperator::GreaterEqual => {
                Operator::Compare(comparison(operator).unwrap_or(Comparison::Equal))
            }
        };
        match resolved {
            Operator::Add | Operator::Subtract => {
                self.require_number(left_kind, left);
                self.require_number(right_kind, right);
            }
            Operator::Compare(_) => self.require_comparable(left_kind, right_kind, right),
            Operator::Or | Operator::And => {}
        }
        Some((fold(resolved, a, b), Type::Int))
    }

    fn require_number(&mut self, kind: Type, expression: &syntax::Expression) {
        if !kind.fits(Type::Int) {
            let message = format!("this is a `{}`, not a number", kind.c_name());
            self.error(Code::S202, message, expression.at.0);
        }
    }

    /// Reports a comparison of two types that have no value in common. A pointer compares with 0.
    pub(super) fn require_comparable(
        &mut self,
        left: Type,
        right: Type,
        place: &syntax::Expression,
    ) {
        let zero = matches!(&place.kind, ExpressionKind::Number(number) if number.value == 0);
        let comparable = left.fits(right) || right.fits(left) || left.is_pointer() && zero;
        if !comparable {
            let message = format!("a `{}` is never a `{}`", left.c_name(), right.c_name());
            self.error(Code::S202, message, place.at.0);
        }
    }

    fn state_function(
        &mut self,
        function: &'file Name,
        arguments: &'file [syntax::Expression],
        whole: &syntax::Expression,
    ) -> Option<Typed> {
        let state = match &*function.text {
            "attached" => {
                let thread = self.thread_argument(function, arguments, 2)?;
                let interpreter = match arguments.get(1) {
                    Some(argument) => Some(Box::new(self.interpreter_argument(argument)?)),
                    None => None,
                };
                StateFunction::Attached(thread, interpreter)
            }
            "waits_for_gil" => {
                StateFunction::WaitsForGil(self.thread_argument(function, arguments, 1)?)
            }
            "holds_gil" => StateFunction::HoldsGil(self.thread_argument(function, arguments, 1)?),
            "parked" => StateFunction::Parked(self.thread_argument(function, arguments, 1)?),
            "ended" => StateFunction::Ended(self.thread_argument(function, arguments, 1)?),
            "thread_states" | "pending" => {
                let argument = self.one_argument(function, arguments)?;
                let interpreter = Some(Box::new(self.interpreter_argument(argument)?));
                if &*function.text == "pending" {
                    StateFunction::Pending(interpreter)
                } else {
                    StateFunction::ThreadStates(interpreter)
                }
            }
            "runs" => {
                let argument = self.one_argument(function, arguments)?;
                let ExpressionKind::Name(name) = &argument.kind else {
                    self.error(Code::S202, "`runs` takes a callback", argument.at.0);
                    return None;
                };
                StateFunction::Runs(self.callback(name)?)
            }
            "interp_of" => {
                let argument = self.one_argument(function, arguments)?;
                let (value, _) = self.value(argument)?;
                let state = StateFunction::InterpreterOf(Box::new(value));
                return Some((Expression::State(state), Type::Interpreter));
            }
            "held" => StateFunction::Held(Box::new(self.mutex_argument(function, arguments)?)),
            _ => return self.not_a_state_function(function, whole),
        };
        Some((Expression::State(state), Type::Int))
    }

    fn one_argument(
        &mut self,
        function: &Name,
        arguments: &'file [syntax::Expression],
    ) -> Option<&'file syntax::Expression> {
        if let [argument] = arguments {
            return Some(argument);
        }
        let message = format!("`{}` takes one argument here", function.text);
        self.error(Code::S201, message, function.at.0);
        None
    }

    fn thread_argument(
        &mut self,
        function: &Name,
        arguments: &'file [syntax::Expression],
        most: usize,
    ) -> Option<ThreadRef> {
        let thread = match arguments.first() {
            Some(thread) if arguments.len() <= most => thread,
            _ => {
                let message = format!("`{}` takes a thread", function.text);
                self.error(Code::S201, message, function.at.0);
                return None;
            }
        };
        if let ExpressionKind::Name(name) = &thread.kind {
            let body = self.thread_body(name)?;
            return Some(ThreadRef {
                body,
                instance: None,
            });
        }
        if let ExpressionKind::Indexed(name) = &thread.kind {
            return self.thread(name);
        }
        let message = format!("`{}` takes the name of a thread", function.text);
        self.error(Code::S202, message, thread.at.0);
        None
    }

    fn interpreter_argument(&mut self, argument: &'file syntax::Expression) -> Option<Expression> {
        let (value, kind) = self.value(argument)?;
        if !kind.fits(Type::Interpreter) {
            let message = format!("this is a `{}`, not an interpreter", kind.c_name());
            let mut diagnostic = Diagnostic::error(Code::S202, message, argument.at.0, "");
            if kind == Type::ThreadState {
                diagnostic = diagnostic.help("the interpreter of a thread state is `ts->interp`");
            }
            self.push(diagnostic);
        }
        Some(value)
    }

    fn mutex_argument(
        &mut self,
        function: &Name,
        arguments: &'file [syntax::Expression],
    ) -> Option<Expression> {
        let argument = self.one_argument(function, arguments)?;
        let (value, _) = self.value(argument)?;
        if !matches!(value, Expression::Mutex(_) | Expression::PyMutex { .. }) {
            let message = "`held` takes a native mutex or a `PyMutex`";
            self.error(Code::S202, message, argument.at.0);
            return None;
        }
        Some(value)
    }

    fn not_a_state_function(
        &mut self,
        function: &'file Name,
        whole: &syntax::Expression,
    ) -> Option<Typed> {
        let span = whole.at.0;
        if super::super::calls::find(&function.text).is_some() {
            let message = format!(
                "`{}` is a call, and only a value can stand here",
                function.text
            );
            let diagnostic = Diagnostic::error(Code::S010, message, span, "");
            self.push(
                diagnostic.help("bind its result in a statement of its own and use the name"),
            );
            return None;
        }
        let message = format!("no state function is named `{}`", function.text);
        let known = STATE_FUNCTIONS.into_iter();
        self.unknown(Code::S103, message, &function.text, function.at.0, known);
        None
    }

    /// The thing that `lock`, `post`, `set` or `new` is applied to.
    pub(super) fn target(&mut self, name: &'file Name) -> Option<Symbol> {
        self.used.insert(&name.text);
        match self.symbols.get(&*name.text) {
            Some((symbol, _)) => Some(*symbol),
            None => {
                let message = format!("nothing named `{}` is declared", name.text);
                let known: Vec<&'file str> = self.symbols.keys().copied().collect();
                self.unknown(
                    Code::S102,
                    message,
                    &name.text,
                    name.at.0,
                    known.into_iter(),
                );
                None
            }
        }
    }

    /// A thread as an argument of an outcome.
    pub(super) fn threads(&mut self, names: &[&'file ThreadName]) -> Vec<ThreadRef> {
        names.iter().filter_map(|name| self.thread(name)).collect()
    }
}

/// The comparison that an operator makes.
pub(super) fn comparison(operator: BinaryOperator) -> Option<Comparison> {
    Some(match operator {
        BinaryOperator::Equal => Comparison::Equal,
        BinaryOperator::NotEqual => Comparison::NotEqual,
        BinaryOperator::Less => Comparison::Less,
        BinaryOperator::LessEqual => Comparison::LessEqual,
        BinaryOperator::Greater => Comparison::Greater,
        BinaryOperator::GreaterEqual => Comparison::GreaterEqual,
        BinaryOperator::Or
        | BinaryOperator::And
        | BinaryOperator::Add
        | BinaryOperator::Subtract => {
            return None;
        }
    })
}
