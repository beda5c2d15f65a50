//! The table of calls as text.

use super::cells::Cell;
use super::paint::{Paint, wrap};
use super::table;
use super::trace::COLUMNS;
use serde::Serialize;
use tstate::runtime::profile::{MINOR_MAX, MINOR_MIN};
use tstate::sim::scenario::calls::{
    Attachment, Class, Kind, Modelled, Origin, Parameter, Row, Type,
};

/// One row for machines.
#[derive(Debug, Serialize)]
struct Entry {
    schema: u32,
    name: &'static str,
    aliases: &'static [&'static str],
    kind: &'static str,
    signature: String,
    since: String,
    until: Option<String>,
    class: &'static str,
    attachment: &'static str,
    blocks: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    modelled: Option<&'static str>,
    fatal: &'static [&'static str],
    without: Option<String>,
    deprecated: Option<String>,
    ends_in: Vec<String>,
    origins: Vec<&'static str>,
    documentation: String,
    summary: &'static str,
}

/// A table with a line for each row.
#[must_use]
pub fn table(rows: &[&Row], columns: usize) -> String {
    let headings = [
        "name",
        "releases",
        "class",
        "needs",
        "modelled",
        "what it is",
    ]
    .map(str::to_owned);
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| {
            let [class, needs] = if row.is_modelled().is_some() {
                [class(row.class), attachment(row.attachment)]
            } else {
                [kind(row.kind), ""]
            };
            [
                row.name,
                &releases(row),
                class,
                needs,
                row.is_modelled().map_or("", modelled),
                row.summary,
            ]
            .map(Cell::plain)
            .to_vec()
        })
        .collect();
    table::forced(&headings, &cells, columns)
}

/// Everything about one row.
#[must_use]
pub fn details(row: &Row) -> String {
    let mut text = format!("{}\n\n", Paint::Strong.on(&signature(row)));
    for line in wrap(row.summary, COLUMNS - 2) {
        text += &format!("  {line}\n");
    }
    text.push('\n');
    for (name, fact) in facts(row) {
        text += &format!("  {name:<12}  {fact}\n");
    }
    text
}

/// What is known of a row besides what it is: names and values.
fn facts(row: &Row) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("kind", kind(row.kind).to_owned()),
        ("releases", releases(row)),
    ];
    if !row.aliases.is_empty() {
        facts.push(("also named", row.aliases.join(", ")));
    }
    if let Some(how) = row.is_modelled() {
        facts.push(("class", class_meaning(row.class).to_owned()));
        facts.push(("needs", attachment_meaning(row.attachment).to_owned()));
        facts.push((
            "waits",
            if row.blocks {
                "it can wait for another thread"
            } else {
                "never"
            }
            .to_owned(),
        ));
        facts.push(("modelled", modelled_meaning(how).to_owned()));
    }
    let endings = row.endings();
    facts.extend(endings.into_iter().map(|ending| ("can end in", ending)));
    if row.deprecated != 0 {
        facts.push(("deprecated", format!("since 3.{}", row.deprecated)));
    }
    let origins = row.origins().into_iter();
    facts.extend(origins.map(|from| ("comes from", origin_meaning(from).to_owned())));
    facts.push(("read", row.documentation()));
    facts
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Declared => "declared",
        Origin::Mentioned => "mentioned",
        Origin::Internals => "internals",
        Origin::Pep788 => "pep788",
    }
}

fn origin_meaning(origin: Origin) -> &'static str {
    match origin {
        Origin::Declared => {
            "the page \"Initialization, Finalization, and Threads\", which declares it"
        }
        Origin::Mentioned => {
            "the page \"Initialization, Finalization, and Threads\", which names it"
        }
        Origin::Internals => "the internals behind Py_NewInterpreter in 3.8",
        Origin::Pep788 => "PEP 788",
    }
}

/// The row as one line of JSON.
#[must_use]
pub fn json(row: &Row) -> String {
    let entry = Entry {
        schema: 1,
        name: row.name,
        aliases: row.aliases,
        kind: kind(row.kind),
        signature: signature(row),
        since: format!("3.{}", row.since),
        until: (row.until < MINOR_MAX).then(|| format!("3.{}", row.until)),
        class: class(row.class),
        attachment: attachment(row.attachment),
        blocks: row.blocks,
        modelled: row.is_modelled().map(modelled),
        fatal: row.fatal,
        without: (row.lacks != 0).then(|| format!("3.{}", row.lacks)),
        deprecated: (row.deprecated != 0).then(|| format!("3.{}", row.deprecated)),
        ends_in: row.endings(),
        origins: row.origins().into_iter().map(origin).collect(),
        documentation: row.documentation(),
        summary: row.summary,
    };
    serde_json::to_string(&entry).unwrap_or_default() + "\n"
}

/// `3.8–3.15`, `from 3.12`, `up to 3.11`, `all`.
fn releases(row: &Row) -> String {
    match (row.since <= MINOR_MIN, row.until >= MINOR_MAX) {
        (true, true) if row.lacks != 0 => format!("not in 3.{}", row.lacks),
        (true, true) => "all".to_owned(),
        (false, true) => format!("from 3.{}", row.since),
        (true, false) => format!("up to 3.{}", row.until),
        (false, false) => format!("3.{} to 3.{}", row.since, row.until),
    }
}

fn signature(row: &Row) -> String {
    if let Some(declaration) = row.declaration() {
        return declaration.to_owned();
    }
    let parameters: Vec<String> = row
        .parameters
        .iter()
        .map(|parameter| parameter_text(*parameter))
        .collect();
    let has_none = parameters.is_empty();
    let parameters = if has_none && row.kind == Kind::Function {
        "void".to_owned()
    } else {
        parameters.join(", ")
    };
    let called = format!("{}({parameters})", row.name);
    match row.kind {
        Kind::Function | Kind::Word => spaced(c_type(row.result), &called),
        Kind::Macro if !has_none => called,
        Kind::Macro | Kind::Global | Kind::Type | Kind::Field | Kind::Constant => {
            row.name.to_owned()
        }
    }
}

fn parameter_text(parameter: Parameter) -> String {
    match parameter {
        Parameter::In(kind) => c_type(kind).to_owned(),
        Parameter::Out(kind) => spaced(c_type(kind), "*"),
        Parameter::Callback(0) => "callback()".to_owned(),
        Parameter::Callback(count) => format!("callback({})", vec!["…"; count.into()].join(", ")),
    }
}

/// A C type before a name or a `*`: `PyThreadState *x`, `int x`.
fn spaced(kind: &str, rest: &str) -> String {
    let space = if kind.ends_with('*') { "" } else { " " };
    format!("{kind}{space}{rest}")
}

fn c_type(kind: Type) -> &'static str {
    match kind {
        Type::Void => "void",
        Type::Int => "int",
        Type::GilState => "PyGILState_STATE",
        Type::ThreadState => "PyThreadState *",
        Type::Interpreter => "PyInterpreterState *",
        Type::Object => "PyObject *",
        Type::Frame => "PyFrameObject *",
        Type::Status => "PyStatus",
        Type::Text => "const char *",
        Type::Function => "function",
        Type::Pointer => "void *",
        Type::Mutex => "PyMutex *",
        Type::TssKey => "Py_tss_t *",
        Type::Config => "PyConfig *",
        Type::PreConfig => "PyPreConfig *",
        Type::InterpreterConfig => "PyInterpreterConfig *",
        Type::CriticalSection => "PyCriticalSection *",
        Type::CriticalSection2 => "PyCriticalSection2 *",
        Type::Guard => "PyInterpreterGuard *",
        Type::View => "PyInterpreterView *",
        Type::Token => "PyThreadStateToken *",
        Type::Any => "any",
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Function => "function",
        Kind::Macro => "macro",
        Kind::Word => "word",
        Kind::Global => "global",
        Kind::Type => "type",
        Kind::Field => "field",
        Kind::Constant => "constant",
    }
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Core => "core",
        Class::Data => "data",
        Class::Surface => "surface",
    }
}

fn class_meaning(class: Class) -> &'static str {
    match class {
        Class::Core => "core: other threads can act in the middle of it",
        Class::Data => "data: one read or write of simple state",
        Class::Surface => "surface: it checks its preconditions and has no state in the model",
    }
}

fn modelled(how: Modelled) -> &'static str {
    match how {
        Modelled::Yes => "yes",
        Modelled::Inside => "inside",
        Modelled::No => "no",
    }
}

fn modelled_meaning(how: Modelled) -> &'static str {
    match how {
        Modelled::Yes => "yes",
        Modelled::Inside => "inside the calls that use it; scenarios do not call it",
        Modelled::No => "no: scenarios that call it are refused",
    }
}

fn attachment(attachment: Attachment) -> &'static str {
    match attachment {
        Attachment::Attached => "attached",
        Attachment::Detached => "detached",
        Attachment::Any => "any",
    }
}

fn attachment_meaning(attachment: Attachment) -> &'static str {
    match attachment {
        Attachment::Attached => "an attached thread state",
        Attachment::Detached => "no attached thread state",
        Attachment::Any => "nothing: a thread state may be attached or not",
    }
}
