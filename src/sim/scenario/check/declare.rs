//! The items that declare names.

use super::super::calls::Type;
use super::super::names;
use super::super::program::{
    BodyId, Declared, FlagId, MutexId, Object, ObjectId, PyMutexId, Semaphore, SemaphoreId,
    Structure, StructureId, TssKeyId,
};
use super::super::syntax::{
    Body, BodyKind, Declaration, Expression, ExpressionKind, File, Item, ItemKind, Name,
    NativeKind, Step,
};
use super::{Checker, Scope, Symbol};
use crate::sim::diagnostic::{Code, Diagnostic, Span};

/// How many things of one kind a file may declare; their numbers have 16 bits.
const DECLARED_MAX: usize = 4096;

impl<'file> Checker<'file> {
    pub(super) fn declare(&mut self, file: &'file File) {
        for item in &file.items {
            self.declare_item(item);
        }
        // Finalizers may be declared behind the objects.
        for item in &file.items {
            if let ItemKind::Object {
                name,
                finalizer: Some(finalizer),
                ..
            } = &item.kind
            {
                self.finalizer(name, finalizer);
            }
        }
        self.require_main(file);
    }

    fn declare_item(&mut self, item: &'file Item) {
        match &item.kind {
            ItemKind::Native {
                kind,
                name,
                initial,
            } => self.native(*kind, name, initial.as_ref()),
            ItemKind::Object { name, cyclic, .. } => {
                let id = ObjectId(Self::next(self.program.objects.len()));
                if self.declare_name(name, Symbol::Object(id)) {
                    self.program.objects.push(Object {
                        declared: declared(name),
                        cyclic: *cyclic,
                        finalizer: None,
                    });
                }
            }
            ItemKind::Declare(declaration) => self.c_object(declaration),
            ItemKind::Body(body) => self.body(item, body),
            ItemKind::Language(_)
            | ItemKind::Scenario(_)
            | ItemKind::Python(_)
            | ItemKind::Faults(_)
            | ItemKind::Bound(_)
            | ItemKind::Expect(_) => {}
        }
    }

    /// Enters a name; whether it is new.
    fn declare_name(&mut self, name: &'file Name, symbol: Symbol) -> bool {
        let span = name.at.0;
        if let Some((_, before)) = self.symbols.get(&*name.text) {
            let message = format!("`{}` is declared twice", name.text);
            let diagnostic = Diagnostic::error(Code::S105, message, span, "");
            let diagnostic = diagnostic.label(*before, "declared here first");
            self.push(diagnostic);
            return false;
        }
        if self.symbols.len() >= DECLARED_MAX {
            self.error(Code::S308, "this scenario declares too many names", span);
            return false;
        }
        self.symbols.insert(&name.text, (symbol, span));
        true
    }

    fn native(&mut self, kind: NativeKind, name: &'file Name, initial: Option<&Expression>) {
        match kind {
            NativeKind::Mutex => {
                let id = MutexId(Self::next(self.program.mutexes.len()));
                if self.declare_name(name, Symbol::Mutex(id)) {
                    self.program.mutexes.push(declared(name));
                }
            }
            NativeKind::Flag => {
                let id = FlagId(Self::next(self.program.flags.len()));
                if self.declare_name(name, Symbol::Flag(id)) {
                    self.program.flags.push(declared(name));
                }
            }
            NativeKind::Semaphore => {
                let id = SemaphoreId(Self::next(self.program.semaphores.len()));
                let initial = initial.map_or(0, |value| self.semaphore_value(value));
                if self.declare_name(name, Symbol::Semaphore(id)) {
                    self.program.semaphores.push(Semaphore {
                        declared: declared(name),
                        initial,
                    });
                }
                return;
            }
        }
        if let Some(initial) = initial {
            let message = "mutexes start free and flags start clear";
            self.error(Code::S303, message, initial.at.0);
        }
    }

    fn semaphore_value(&mut self, value: &Expression) -> u16 {
        let constant = self.constant(value);
        match constant.map(u16::try_from) {
            Some(Ok(initial)) => initial,
            Some(Err(_)) => {
                let message = "a semaphore starts with 0 to 65535";
                self.error(Code::S303, message, value.at.0);
                0
            }
            None => 0,
        }
    }

    fn c_object(&mut self, declaration: &'file Declaration) {
        let name = &declaration.name;
        let kind = names::c_type(&declaration.type_name.text);
        let symbol = match kind {
            Some(Type::Mutex) => {
                Symbol::PyMutex(PyMutexId(Self::next(self.program.py_mutexes.len())))
            }
            Some(Type::TssKey) => Symbol::TssKey(TssKeyId(Self::next(self.program.tss_keys.len()))),
            Some(kind) if !kind.is_value() => {
                Symbol::Structure(StructureId(Self::next(self.program.structures.len())))
            }
            _ => {
                let message = "a file declares C objects; values belong to a body";
                self.error(Code::S112, message, declaration.type_name.at.0);
                return;
            }
        };
        if !self.declare_name(name, symbol) {
            return;
        }
        self.c_object_entry(declaration, kind.unwrap_or(Type::Any), 1);
    }

    /// Adds the entries of a declared C object, `copies` of them.
    pub(super) fn c_object_entry(&mut self, declaration: &Declaration, kind: Type, copies: u8) {
        let entry = declared(&declaration.name);
        if declaration.pointers > 0 {
            let message = format!("`{}` is declared as a pointer to nothing", entry.name);
            let diagnostic = Diagnostic::error(Code::S203, message, entry.span, "");
            self.push(
                diagnostic.help("declare the object and pass its address: `PyMutex m = {0}`, `&m`"),
            );
        }
        let fields = self.initial_fields(declaration, kind);
        let copies = usize::from(copies);
        if kind == Type::Mutex {
            self.program
                .py_mutexes
                .extend(std::iter::repeat_n(entry, copies));
        } else if kind == Type::TssKey {
            self.program
                .tss_keys
                .extend(std::iter::repeat_n(entry, copies));
        } else {
            self.program.structures.push(Structure {
                declared: entry,
                kind,
                fields,
            });
        }
    }

    fn initial_fields(&mut self, declaration: &Declaration, kind: Type) -> Box<[(usize, i64)]> {
        let value = match &declaration.value {
            None => return Box::default(),
            Some(Step::Expression(value)) => value,
            Some(
                Step::Start { at, .. }
                | Step::Eval { at, .. }
                | Step::PythonJoin { at, .. }
                | Step::OsFork { at, .. },
            ) => {
                let message = format!("this is no {}", declaration.type_name.text);
                self.error(Code::S203, message, at.0);
                return Box::default();
            }
        };
        if let ExpressionKind::Structure(fields) = &value.kind {
            return self.fields(fields, kind);
        }
        if let ExpressionKind::Name(name) = &value.kind {
            return self.preset(name, kind);
        }
        let message = format!("this is no {}", declaration.type_name.text);
        self.error(Code::S203, message, value.at.0);
        Box::default()
    }

    fn preset(&mut self, name: &Name, kind: Type) -> Box<[(usize, i64)]> {
        let all = |fields: [i64; 7]| fields.into_iter().enumerate().collect();
        match (&*name.text, kind) {
            ("_PyInterpreterConfig_INIT", Type::InterpreterConfig) => all(names::CONFIG_ISOLATED),
            ("_PyInterpreterConfig_LEGACY_INIT", Type::InterpreterConfig) => {
                all(names::CONFIG_LEGACY)
            }
            ("Py_tss_NEEDS_INIT", Type::TssKey) => Box::default(),
            (text, _) => {
                let known = [
                    "_PyInterpreterConfig_INIT",
                    "_PyInterpreterConfig_LEGACY_INIT",
                    "Py_tss_NEEDS_INIT",
                ];
                let message = format!("`{text}` is no initial value of this type");
                self.unknown(Code::S203, message, text, name.at.0, known.into_iter());
                Box::default()
            }
        }
    }

    fn body(&mut self, item: &'file Item, body: &'file Body) {
        let id = BodyId(u8::try_from(self.scopes.len()).unwrap_or(u8::MAX));
        if id.0 == u8::MAX {
            self.error(
                Code::S308,
                "this scenario has too many bodies",
                body.name.at.0,
            );
            return;
        }
        self.declare_name(&body.name, Symbol::Body(id));
        self.scopes.push(Scope {
            syntax: body,
            documentation: item.trivia.documentation(),
            locals: std::collections::BTreeMap::new(),
            variables: Vec::new(),
            instances: 0,
        });
        let span = body.name.at.0;
        if body.kind == BodyKind::Main && &*body.name.text != "main" {
            let message = format!("`thread {}` is made by nobody", body.name.text);
            let diagnostic = Diagnostic::error(Code::S106, message, span, "");
            self.push(
                diagnostic.help("`foreign thread` is made by native code, `python thread` and `daemon thread` by `threading`"),
            );
        }
        if body.kind != BodyKind::Main && &*body.name.text == "main" {
            let message = "`main` is the process's first thread: `thread main { ... }`";
            self.error(Code::S106, message, span);
        }
    }

    fn finalizer(&mut self, object: &Name, finalizer: &'file Name) {
        let Some(body) = self.callback(finalizer) else {
            return;
        };
        self.callback_fits(finalizer.at.0, body, 1);
        for entry in &mut self.program.objects {
            if entry.declared.name == object.text {
                entry.finalizer = Some(body);
            }
        }
    }

    fn require_main(&mut self, file: &File) {
        let main = self
            .body_ids()
            .find(|body| self.scope(*body).syntax.kind == BodyKind::Main);
        match main {
            Some(main) => self.program.main = main,
            None => {
                let end = file.end.0;
                let message = "this scenario has no `thread main`";
                let diagnostic =
                    Diagnostic::error(Code::S106, message, Span::new(end.end, end.end), "");
                self.push(diagnostic.help("the process starts with `thread main { ... }`"));
            }
        }
    }
}

fn declared(name: &Name) -> Declared {
    Declared {
        name: name.text.clone(),
        span: name.at.0,
    }
}
