//! Statements as C, each with the turns around it.

use super::story::{Activation, Item, Statements};
use super::value::is_pointer;
use super::write::{Adapter, At, Need, Writer, Written, global, identifier, quoted};
use tstate::runtime::ConfigField;
use tstate::sim::scenario::calls::{Call, Type};
use tstate::sim::scenario::program::{
    Argument, BodyId, BodyKind, CallExpr, Expression, Limit, Program, ResultClaim, ResultClaimKind,
    Statement, StatementId, StatementKind, Step, ThreadRef, VariableId,
};

/// Lines of C with their depth.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) text: String,
    pub(super) depth: usize,
}

impl Lines {
    pub(super) fn add(&mut self, line: &str) {
        if !line.is_empty() {
            self.text.push_str(&"    ".repeat(self.depth));
            self.text.push_str(line);
        }
        self.text.push('\n');
    }
}

/// What a statement is in C.
enum Form {
    /// One that is waited for and told.
    Do(String),
    /// Lines around one.
    Lines(Vec<String>),
    /// Nothing; a comment says why.
    Comment(String),
}

/// How many statements are such a call.
fn calls(statements: &Statements<'_>, such: impl Fn(&CallExpr) -> bool) -> usize {
    let is_one = |statement: &&&Statement| matches!(&statement.kind, StatementKind::Step { step: Step::Call(call), .. } if such(call));
    statements.values().filter(is_one).count()
}

fn initializes(call: &CallExpr) -> bool {
    call.call.row().name.starts_with("Py_Initialize")
}

/// The block of an `AllowThreads` that is open.
struct Open {
    statement: StatementId,
    last: Option<StatementId>,
    slot: VariableId,
}

impl Writer<'_> {
    /// What a run of a body does.
    pub(super) fn activation(&mut self, activation: &Activation, lines: &mut Lines) {
        let at = At {
            thread: activation.thread,
            body: activation.body,
        };
        let mut open: Vec<Open> = Vec::new();
        let mut latest = None;
        let mut place = 0;
        while let Some(item) = activation.items.get(place) {
            let next = activation.items.get(place + 1);
            match *item {
                Item::Turn(turn) => {
                    if let Some(Item::Ends(id)) = next {
                        self.restore(at, &mut open, *id, lines);
                    }
                    lines.add(&format!("turn({turn});"));
                }
                Item::Pass(turn, to) => lines.add(&self.pass(turn, to)),
                Item::Begins(id) => {
                    let mut pass = None;
                    if let Some(Item::Pass(turn, to)) = next {
                        pass = Some(self.pass(*turn, *to));
                        place += 1;
                    }
                    let rest = &activation.items[place + 1..];
                    let ended = rest.contains(&Item::Ends(id));
                    self.statement(at, id, ended, pass, lines);
                    if let Some(found) = self.statements.get(&id.0)
                        && let StatementKind::AllowThreads { slot, block } = &found.kind
                    {
                        let last = block.last().map(|last| last.id);
                        let (statement, slot) = (id, *slot);
                        open.push(Open {
                            statement,
                            last,
                            slot,
                        });
                    }
                }
                Item::Ends(id) => {
                    self.restore(at, &mut open, id, lines);
                    latest = Some(id);
                }
                Item::Finish => lines.add("finish(0);"),
            }
            place += 1;
        }
        // The macro that closes a block has no event of its own before it.
        if let Some(inner) = open.last()
            && (inner.last.is_none() || inner.last == latest)
            && activation.returns.is_none()
        {
            let id = inner.statement;
            self.restore(at, &mut open, id, lines);
        }
    }

    fn restore(&mut self, at: At, open: &mut Vec<Open>, id: StatementId, lines: &mut Lines) {
        let Some(inner) = open.last() else { return };
        if inner.statement != id {
            return;
        }
        let slot = self.own(at, inner.slot);
        lines.add(&format!("DO(PyEval_RestoreThread({slot}));"));
        open.pop();
    }

    fn pass(&self, turn: usize, to: usize) -> String {
        let name = identifier(&self.program.threads[to].name);
        format!("pass({turn}, T_{name});")
    }

    fn statement(
        &mut self,
        at: At,
        id: StatementId,
        ended: bool,
        pass: Option<String>,
        lines: &mut Lines,
    ) {
        let Some(statement) = self.statements.get(&id.0).copied() else {
            return;
        };
        let span = self.program.statements[id.index()].span;
        match self.form(at, statement, ended) {
            Ok(form) => {
                if let Some(line) = &pass {
                    lines.add(line);
                }
                match form {
                    Form::Do(text) => {
                        self.before(statement, lines);
                        lines.add(&format!("DO({text});"));
                        self.prepared(at, statement, lines);
                    }
                    Form::Lines(found) => found.iter().for_each(|line| lines.add(line)),
                    Form::Comment(text) => lines.add(&format!("/* {text} */")),
                }
            }
            Err(why) => self.refuse(span, &why),
        }
    }

    /// Initialization leaves `site` out: its modules run code of their own, at exit too. A scenario that names flags sees to them.
    fn before(&self, statement: &Statement, lines: &mut Lines) {
        if let StatementKind::Step {
            step: Step::Call(call),
            ..
        } = &statement.kind
            && let Some(Call::Initialize | Call::InitializeEx) = call.call.row().modelled
            && !self.program.names_flags()
            && !self.imports_site()
        {
            lines.add("Py_NoSiteFlag = 1;");
        }
    }

    /// What the scenario's own bytecode needs in a new runtime or interpreter.
    fn prepared(&mut self, at: At, statement: &Statement, lines: &mut Lines) {
        let StatementKind::Step {
            step: Step::Call(call),
            bind,
            ..
        } = &statement.kind
        else {
            return;
        };
        if let Some(variable) = *bind
            && call.call.row().result == Type::Interpreter
            && self.enters_interpreters()
        {
            let interpreter = self.own(at, variable);
            lines.add(&format!("note_id({interpreter});"));
        }
        let name = call.call.row().name;
        if name.starts_with("Py_Initialize") && evaluates_in_callbacks(self.program, self.story) {
            lines.add("prepare_eval();");
        }
        if name.starts_with("Py_Initialize")
            && self.needs_before.contains(&Need::PythonThreads)
            && calls(&self.statements, initializes) > 1
        {
            lines.add("thread_class = NULL;");
        }
        if name.starts_with("Py_Initialize") && self.enters_interpreters() {
            lines.add("prepare_interpreters();");
        }
        if let Some(Call::ConfigInitPython | Call::ConfigInitIsolated) = call.call.row().modelled
            && let Some(Argument::Value(Expression::Structure(structure))) = call.arguments.first()
        {
            let config = self.structure(structure.index());
            let fields = &self.program.structures[structure.index()].fields;
            if !self.program.names_flags() && !self.imports_site() {
                lines.add(&format!("{config}.site_import = 0;"));
            }
            for (field, value) in fields {
                let field = ConfigField::ALL[*field].name();
                lines.add(&format!("{config}.{field} = {value};"));
            }
        }
        let begins = name.starts_with("Py_Initialize") && self.enters_interpreters();
        if begins || name.starts_with("Py_NewInterpreter") {
            let builtins: Vec<BodyId> = self
                .adapters_before
                .iter()
                .filter(|(_, adapter)| *adapter == Adapter::Builtin)
                .map(|(body, _)| *body)
                .collect();
            for body in builtins {
                lines.add(&format!("add_builtin(&{}_method);", self.callback(body)));
            }
        }
    }

    fn form(&mut self, at: At, statement: &Statement, ended: bool) -> Written<Form> {
        if self.unbound == Some(statement.id) {
            self.need(Need::Claims);
            let text = "fails(\"a name is read that is not bound yet\")";
            return Ok(Form::Do(text.to_owned()));
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other kinds are plain")]
        match &statement.kind {
            StatementKind::Step {
                step: Step::Eval(Limit::Until(condition)),
                ..
            } => {
                self.need(Need::Eval);
                let condition = self.value(at, condition)?;
                let text = format!("while (!({condition}) && eval() == 0) continue");
                Ok(Form::Lines(vec![
                    "me->busy = 1;".to_owned(),
                    format!("DO({text});"),
                    "me->busy = 0;".to_owned(),
                ]))
            }
            StatementKind::Step { step, bind, claim } => {
                let text = self.step(at, step)?;
                let is_pointer =
                    matches!(step, Step::Call(call) if is_pointer(call.call.row().result));
                let text = match claim.as_ref().map(|claim| &claim.kind) {
                    Some(ResultClaimKind::Compare(_, Expression::Number(1..)))
                        if is_pointer && bind.is_none() =>
                    {
                        format!("(intptr_t){text}")
                    }
                    _ => text,
                };
                self.settled(at, text, *bind, claim.as_ref()).map(Form::Do)
            }
            StatementKind::Assert {
                condition,
                restriction,
            } => {
                let binds = restriction
                    .as_ref()
                    .is_none_or(|at| at.admits(self.profile, None));
                match self.value(at, condition) {
                    _ if !binds => Ok(Form::Comment(
                        "an assertion about other releases".to_owned(),
                    )),
                    Ok(condition) => {
                        self.need(Need::Claims);
                        Ok(Form::Do(format!("EXPECT({condition})")))
                    }
                    Err(why) if ended => Ok(Form::Comment(format!("an assertion: {why}"))),
                    Err(why) => Err(why),
                }
            }
            StatementKind::SpinUntil(condition) => match self.value(at, condition) {
                Ok(condition) => Ok(Form::Do(format!("while (!({condition})) usleep(500)"))),
                Err(why) if ended => Ok(Form::Comment(format!(
                    "a busy wait, which the turns stand for: {why}"
                ))),
                Err(why) => Err(why),
            },
            StatementKind::Fork { .. } => {
                self.need(Need::Fork);
                Ok(Form::Do("fork()".to_owned()))
            }
            _ => self.simple(at, statement).map(Form::Do),
        }
    }

    fn simple(&mut self, at: At, statement: &Statement) -> Written<String> {
        let program = self.program;
        let mutex = |place: usize| global(&program.mutexes[place].name);
        let semaphore = |place: usize| global(&program.semaphores[place].declared.name);
        let flag = |place: usize| global(&program.flags[place].name);
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "what is not written here has no text yet"
        )]
        Ok(match &statement.kind {
            StatementKind::AllowThreads { slot, .. } | StatementKind::UnblockThreads { slot } => {
                format!("{} = PyEval_SaveThread()", self.own(at, *slot))
            }
            StatementKind::BlockThreads { slot } => {
                format!("PyEval_RestoreThread({})", self.own(at, *slot))
            }
            StatementKind::Lock(id) => format!("pthread_mutex_lock(&{})", mutex(id.index())),
            StatementKind::Unlock(id) => format!("pthread_mutex_unlock(&{})", mutex(id.index())),
            StatementKind::Post(id) => format!("sem_post(&{})", semaphore(id.index())),
            StatementKind::Wait(id) => format!("sem_wait(&{})", semaphore(id.index())),
            StatementKind::Set(id) => format!("{} = 1", flag(id.index())),
            StatementKind::Clear(id) => format!("{} = 0", flag(id.index())),
            StatementKind::Join(thread) => {
                self.need(Need::Join);
                self.each(*thread, |name| format!("join(T_{name})"))
            }
            StatementKind::Sleep => "usleep(1000)".to_owned(),
            StatementKind::Exit(status) => format!("finish({})", self.value(at, status)?),
            StatementKind::SetGlobal { global, value } => {
                format!("{} = {}", global.row().name, self.value(at, value)?)
            }
            StatementKind::Signal(None) => "pthread_kill(first_thread, SIGINT)".to_owned(),
            StatementKind::Signal(Some(body)) => {
                let handler = self.adapter(*body, Adapter::Handler);
                format!("signal(SIGINT, {handler}), pthread_kill(first_thread, SIGINT)")
            }
            StatementKind::FailThreadStart
            | StatementKind::FailAlloc
            | StatementKind::FailStage(_) => self.failing(statement)?,
            _ => return self.of_objects(at, statement),
        })
    }

    /// Statements about objects and modules.
    fn of_objects(&mut self, at: At, statement: &Statement) -> Written<String> {
        let program = self.program;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "what is not written here has no text yet"
        )]
        Ok(match &statement.kind {
            StatementKind::New(object) => {
                self.need(Need::Objects);
                let object = &program.objects[object.index()];
                let finalizer = object.finalizer.map_or_else(
                    || "kept".to_owned(),
                    |body| self.adapter(body, Adapter::Dies),
                );
                let name = global(&object.declared.name);
                let cyclic = u8::from(object.cyclic);
                let written = quoted(&name);
                let made = format!("{name} = new_object({written}, {finalizer}, {cyclic})");
                let is_traced = self
                    .adapters_before
                    .iter()
                    .any(|(_, adapter)| *adapter == Adapter::RefTracer);
                if is_traced {
                    let kind = if cyclic == 1 {
                        "PyList_Type"
                    } else {
                        "PyCapsule_Type"
                    };
                    format!("TRACED(&{name}, &{kind}, {made})")
                } else {
                    made
                }
            }
            StatementKind::Touch(object) => {
                format!("Py_DECREF(PyObject_Type({}))", self.value(at, object)?)
            }
            StatementKind::Drop(object) => {
                self.need(Need::Objects);
                format!("drop_object({})", quoted(&self.value(at, object)?))
            }
            StatementKind::Collect => "PyGC_Collect()".to_owned(),
            StatementKind::Import { module, .. } => {
                let name = &program.texts[module.index()];
                if &**name == "threading" {
                    self.need(Need::PythonThreads);
                    self.need(Need::Importing);
                    "import_threading()".to_owned()
                } else {
                    self.need(Need::Import);
                    self.need(Need::Importing);
                    format!("import_module({})", quoted(name))
                }
            }
            _ => return Err("this statement has no form in C yet".to_owned()),
        })
    }

    fn each(&self, thread: ThreadRef, text: impl Fn(&str) -> String) -> String {
        let threads = self.program.threads_of(thread);
        let all: Vec<String> = threads
            .map(|thread| text(&identifier(&self.program.threads[thread.index()].name)))
            .collect();
        all.join(", ")
    }

    fn step(&mut self, at: At, step: &Step) -> Written<String> {
        Ok(match step {
            Step::Call(call) => self.call(at, call)?,
            Step::Value(value) => self.value(at, value)?,
            Step::Start { body, count, first } => self.start(at, *body, *count, *first)?,
            Step::Eval(Limit::Times(1)) => {
                self.need(Need::Eval);
                "eval()".to_owned()
            }
            Step::Eval(_) => {
                self.need(Need::Eval);
                let Step::Eval(Limit::Times(times)) = step else {
                    return Err("a loop of bytecode with a result".to_owned());
                };
                format!("for (int i = 0; i < {times} && eval() == 0; i++) continue")
            }
            Step::PythonJoin(thread) => {
                self.need(Need::PythonThreads);
                self.need(Need::Importing);
                let mut threads = self.program.threads_of(*thread);
                match (threads.next(), threads.next()) {
                    (Some(one), None) => {
                        let name = identifier(&self.program.threads[one.index()].name);
                        format!("join_python(T_{name})")
                    }
                    _ => return Err("the join of several threads at once".to_owned()),
                }
            }
            Step::OsFork { .. } => {
                self.need(Need::Fork);
                self.need(Need::Eval);
                self.need(Need::OsFork);
                "os_fork()".to_owned()
            }
        })
    }

    /// Threads that one statement starts. Which instances they are follows from how many were started before.
    fn start(&mut self, at: At, body: BodyId, count: u8, first: u8) -> Written<String> {
        let started = self.started.entry((at.body, body)).or_insert(0);
        let from = first + *started;
        *started += count;
        let kind = self.program.bodies[body.index()].kind;
        let mut texts = Vec::new();
        for instance in from..from + count {
            let Some(thread) = self.program.thread(body, instance) else {
                return Err("the thread is none of the scenario's".to_owned());
            };
            let name = identifier(&self.program.threads[thread.index()].name);
            texts.push(match kind {
                BodyKind::Python => format!("start_python(T_{name}, 0)"),
                BodyKind::Daemon => format!("start_python(T_{name}, 1)"),
                BodyKind::Main | BodyKind::Foreign | BodyKind::Callback => {
                    format!("start(T_{name})")
                }
            });
        }
        if matches!(kind, BodyKind::Python | BodyKind::Daemon) {
            self.starting()?;
        }
        self.need(match kind {
            BodyKind::Python | BodyKind::Daemon => Need::PythonThreads,
            BodyKind::Main | BodyKind::Foreign | BodyKind::Callback => Need::Start,
        });
        if matches!(kind, BodyKind::Python | BodyKind::Daemon) {
            self.need(Need::Importing);
        }
        Ok(texts.join(", "))
    }

    /// The text of a step with what becomes of its result.
    fn settled(
        &mut self,
        at: At,
        text: String,
        bind: Option<VariableId>,
        claim: Option<&ResultClaim>,
    ) -> Written<String> {
        let binds = |claim: &&ResultClaim| {
            let restriction = claim.restriction.as_ref();
            restriction.is_none_or(|at| at.admits(self.profile, None))
        };
        let claim = claim.filter(binds);
        let bound = match bind {
            Some(variable) => {
                let name = self.own(at, variable);
                Some(format!("{name} = {text}"))
            }
            None => None,
        };
        let Some(claim) = claim else {
            return Ok(bound.unwrap_or(text));
        };
        self.need(Need::Claims);
        let left = bound.map_or(text, |bound| format!("({bound})"));
        match &claim.kind {
            ResultClaimKind::Compare(comparison, wanted) => {
                let wanted = self.value(at, wanted)?;
                Ok(format!("EXPECT({left} {} {wanted})", word(*comparison)))
            }
            ResultClaimKind::OneOf(wanted) => {
                let mut all = Vec::new();
                for wanted in wanted {
                    all.push(self.value(at, wanted)?);
                }
                self.locals.insert("result_".to_owned(), "long");
                let any: Vec<String> = all
                    .iter()
                    .map(|wanted| format!("result_ == {wanted}"))
                    .collect();
                Ok(format!("EXPECT((result_ = {left}, {}))", any.join(" || ")))
            }
        }
    }
}

fn word(comparison: tstate::sim::scenario::program::Comparison) -> &'static str {
    use tstate::sim::scenario::program::Comparison;
    match comparison {
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterEqual => ">=",
    }
}

/// Whether the program evaluates bytecode inside a callback, where nothing new can be made.
pub(super) fn evaluates_in_callbacks(program: &Program, story: &super::story::Story) -> bool {
    let statements = super::story::statements(program);
    story.activations.iter().any(|activation| {
        let is_callback = program.bodies[activation.body.index()].kind == BodyKind::Callback;
        let evaluates = |item: &Item| match item {
            Item::Begins(id) => statements.get(&id.0).is_some_and(|found| {
                matches!(
                    found.kind,
                    StatementKind::Step {
                        step: Step::Eval(_),
                        ..
                    }
                )
            }),
            Item::Turn(_) | Item::Pass(..) | Item::Ends(_) | Item::Finish => false,
        };
        is_callback && activation.items.iter().any(evaluates)
    })
}
